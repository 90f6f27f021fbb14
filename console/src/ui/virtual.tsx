/*
 * A table that draws only the rows in sight. Keyboard: arrows, page keys, Home and End move, Enter opens. For screen
 * readers it is a grid with the true number of rows.
 */
import type { ComponentChildren } from 'preact';
import { useEffect, useId, useLayoutEffect, useRef, useState } from 'preact/hooks';

const AROUND = 6;

export interface Column {
  name: string;
  label: ComponentChildren;
}

interface Props {
  label: string;
  columns: Column[];
  count: number;
  rowHeight: number;
  cells: (i: number) => ComponentChildren[];
  rowClass?: (i: number) => string;
  onOpen?: (i: number) => void;
  onTop?: (atTop: boolean) => void;
  onEnd?: () => void;
  start?: number;
  onScrolled?: (top: number) => void;
  foot?: ComponentChildren;
  layout: string;
}

export function VirtualTable(p: Props) {
  const scroller = useRef<HTMLDivElement>(null);
  const id = useId();
  const [top, setTop] = useState(p.start ?? 0);
  const [height, setHeight] = useState(600);
  const [active, setActive] = useState<number | null>(null);

  useLayoutEffect(() => {
    const el = scroller.current;
    if (!el) return undefined;
    const measure = () => setHeight(el.clientHeight);
    const watch = new ResizeObserver(measure);
    watch.observe(el);
    measure();
    if (p.start) el.scrollTop = p.start;
    return () => watch.disconnect();
  }, []);

  const first = Math.max(0, Math.floor(top / p.rowHeight) - AROUND);
  const last = Math.min(p.count, Math.ceil((top + height) / p.rowHeight) + AROUND);
  useEffect(() => {
    if (p.onEnd && (top + height) / p.rowHeight > p.count - 30) p.onEnd();
  }, [top, height, p.count]);

  const scrolled = () => {
    const at = scroller.current?.scrollTop ?? 0;
    setTop(at);
    p.onScrolled?.(at);
    if (active === null) p.onTop?.(at < p.rowHeight / 2);
  };
  const move = (to: number) => {
    const el = scroller.current;
    const i = Math.max(0, Math.min(p.count - 1, to));
    setActive(i);
    p.onTop?.(false);
    if (!el) return;
    const from = i * p.rowHeight;
    if (from < el.scrollTop) el.scrollTop = from;
    else if (from + p.rowHeight > el.scrollTop + el.clientHeight - p.rowHeight) el.scrollTop = from + 2 * p.rowHeight - el.clientHeight;
  };
  const key = (e: KeyboardEvent) => {
    if (e.target !== scroller.current) return;
    const page = Math.max(1, Math.floor(height / p.rowHeight) - 2);
    const at = active ?? -1;
    const to: Record<string, number> = {
      ArrowDown: at + 1,
      ArrowUp: at - 1,
      PageDown: at + page,
      PageUp: at - page,
      Home: 0,
      End: p.count - 1,
    };
    if (e.key in to) {
      e.preventDefault();
      move(to[e.key] ?? 0);
    } else if (e.key === 'Enter' && active !== null && p.onOpen) {
      e.preventDefault();
      p.onOpen(active);
    } else if (e.key === 'Escape') {
      leave();
    }
  };
  const leave = () => {
    setActive(null);
    p.onTop?.((scroller.current?.scrollTop ?? 0) < p.rowHeight / 2);
  };

  // As many elements as rows fit, used again and again: scrolling changes their text and makes none.
  const slots = Math.ceil(height / p.rowHeight) + 2 * AROUND + 2;
  const body = [];
  for (let i = first; i < last; i++) {
    const open = p.onOpen && (() => p.onOpen?.(i));
    body.push(
      <div
        key={i % slots}
        id={`${id}-${i}`}
        role="row"
        aria-rowindex={i + 2}
        onClick={open}
        class={`vrow ${p.layout}${i === active ? ' active' : ''}${open ? ' opens' : ''} ${p.rowClass?.(i) ?? ''}`}
        style={{ transform: `translateY(${i * p.rowHeight}px)`, height: `${p.rowHeight}px` }}
      >
        {p.cells(i).map((cell, c) => (
          <div key={c} role="gridcell" class={`c-${p.columns[c]?.name}`}>
            {cell}
          </div>
        ))}
      </div>,
    );
  }
  return (
    <div
      class="vtable"
      role="grid"
      aria-label={p.label}
      aria-rowcount={p.count + 1}
      ref={scroller}
      tabIndex={0}
      aria-activedescendant={active !== null && active >= first && active < last ? `${id}-${active}` : undefined}
      onScroll={scrolled}
      onKeyDown={key}
      onBlur={leave}
    >
      <div role="row" aria-rowindex={1} class={`vhead ${p.layout}`}>
        {p.columns.map((c) => (
          <div key={c.name} role="columnheader" class={`c-${c.name}`}>
            {c.label}
          </div>
        ))}
      </div>
      <div role="rowgroup" class="vbody" style={{ height: `${p.count * p.rowHeight}px` }}>
        {body}
      </div>
      {p.foot && (
        <div class="vfoot" role="row">
          <div role="gridcell">{p.foot}</div>
        </div>
      )}
    </div>
  );
}
