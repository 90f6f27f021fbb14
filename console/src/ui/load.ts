/* Reads something for a page: again when what it depends on changed, never two at once, and not after the page is gone. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { aborted, messageOf } from '../api';

export interface Loaded<T> {
  data: T | null;
  error: string;
  loading: boolean;
  reload: () => void;
}

export function useLoad<T>(read: (signal: AbortSignal) => Promise<T>, depends: unknown[]): Loaded<T> {
  const [state, set] = useState<{ data: T | null; error: string; loading: boolean }>({ data: null, error: '', loading: true });
  const [turn, setTurn] = useState(0);
  const reader = useRef(read);
  reader.current = read;
  useEffect(() => {
    const abort = new AbortController();
    set((s) => ({ ...s, loading: true }));
    reader.current(abort.signal).then(
      (data) => {
        if (!abort.signal.aborted) set({ data, error: '', loading: false });
      },
      (e: unknown) => {
        if (!aborted(e) && !abort.signal.aborted) set((s) => ({ ...s, error: messageOf(e), loading: false }));
      },
    );
    return () => abort.abort();
  }, [...depends, turn]);
  return { ...state, reload: () => setTurn((t) => t + 1) };
}
