/* Certificates by drop, by file dialog, or by paste. What comes out is what the API takes: PEM text or base64. */
import { useState } from 'preact/hooks';
import { Field } from './basics';

export const MOST_BYTES = 8 * 1024 * 1024;

export function toBase64(bytes: Uint8Array): string {
  let binary = '';
  for (let i = 0; i < bytes.length; i += 8192) binary += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return btoa(binary);
}

/* PEM stays text, so that its comments do no harm; everything else is bytes. */
export function encode(bytes: Uint8Array): string {
  const start = new TextDecoder('latin1').decode(bytes.subarray(0, 65536));
  return start.includes('-----BEGIN ') ? new TextDecoder().decode(bytes) : toBase64(bytes);
}

export interface Dropped {
  name: string;
  data: string;
}

export async function readFiles(files: Iterable<File>): Promise<Dropped[]> {
  const out: Dropped[] = [];
  let total = 0;
  for (const file of files) {
    total += file.size;
    if (total > MOST_BYTES)
      throw new Error('These files hold more than 8 MiB. Add them in smaller parts, or with “certgate tcs add” on the machine.');
    out.push({ name: file.name, data: encode(new Uint8Array(await file.arrayBuffer())) });
  }
  return out;
}

export function DropZone({
  label,
  help,
  onFiles,
  onError,
  multiple = true,
  paste = true,
}: {
  label: string;
  help: string;
  onFiles: (files: Dropped[]) => void;
  onError: (text: string) => void;
  multiple?: boolean;
  paste?: boolean;
}) {
  const [over, setOver] = useState(false);
  const [text, setText] = useState('');
  const take = (files: FileList | null | undefined) => {
    if (files?.length)
      readFiles(multiple ? Array.from(files) : Array.from(files).slice(0, 1)).then(onFiles, (e: Error) => onError(e.message));
  };
  return (
    <div class="drop-area">
      <label
        class={`drop${over ? ' over' : ''}`}
        onDragOver={(e) => {
          e.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => setOver(false)}
        onDrop={(e) => {
          e.preventDefault();
          setOver(false);
          take(e.dataTransfer?.files);
        }}
      >
        <input
          type="file"
          multiple={multiple}
          onChange={(e) => {
            take(e.currentTarget.files);
            e.currentTarget.value = '';
          }}
        />
        <strong>{label}</strong>
        <span>{help}</span>
      </label>
      {paste && (
        <Field label="… or paste PEM text">
          {(ids) => (
            <textarea
              {...ids}
              rows={3}
              spellcheck={false}
              placeholder="-----BEGIN CERTIFICATE-----"
              value={text}
              onInput={(e) => {
                const value = e.currentTarget.value;
                setText(value);
                if (/-----BEGIN [^-]+-----[^]+-----END [^-]+-----\s*$/.test(value)) {
                  setText('');
                  onFiles([{ name: 'pasted text', data: value }]);
                }
              }}
            />
          )}
        </Field>
      )}
    </div>
  );
}
