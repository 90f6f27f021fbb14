"""A small plot as SVG: sizes in powers of ten across, a cost from nought up."""
import math

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 420, 200, 52, 12, 14, 38


def plot(points, across, up):
    """points: {size: cost}."""
    sizes = sorted(points)
    low, high = math.log10(sizes[0]), math.log10(sizes[-1]) or 1
    most = max(points.values()) * 1.2

    def x(size):
        return LEFT + (math.log10(size) - low) / ((high - low) or 1) * (WIDTH - LEFT - RIGHT)

    def y(cost):
        return HEIGHT - BOTTOM - cost / most * (HEIGHT - TOP - BOTTOM)

    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" '
             'font-family="sans-serif" font-size="11">',
             f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
             f'<path d="M{LEFT} {TOP}V{HEIGHT - BOTTOM}H{WIDTH - RIGHT}" fill="none" stroke="#888"/>']
    for step in range(5):
        cost = most * step / 4
        parts.append(f'<text x="{LEFT - 5}" y="{y(cost) + 4:.0f}" text-anchor="end">{cost:.0f}</text>')
    for size in sizes:
        parts.append(f'<text x="{x(size):.0f}" y="{HEIGHT - BOTTOM + 15}" text-anchor="middle">{size:,}</text>')
    parts.append(f'<text x="{(LEFT + WIDTH) / 2:.0f}" y="{HEIGHT - 6}" text-anchor="middle">{across}</text>')
    parts.append(f'<text x="{LEFT + 6}" y="{TOP + 8}">{up}</text>')
    parts.append('<polyline fill="none" stroke="#06c" stroke-width="2" points="'
                 + " ".join(f"{x(s):.1f},{y(points[s]):.1f}" for s in sizes) + '"/>')
    parts += [f'<circle cx="{x(s):.1f}" cy="{y(points[s]):.1f}" r="3" fill="#06c"/>' for s in sizes]
    return "\n".join(parts) + "\n</svg>\n"
