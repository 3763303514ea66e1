// What a command says: its end is kept, its lines are told as they come. Knows no connections.

import { StringDecoder } from 'node:string_decoder';

export interface Collected {
  readonly bytes: Buffer;
  /** Left out at the beginning. */
  readonly cutBytes: number;
}

export interface Collector {
  take(chunk: Buffer): void;
  /** The last line, when it does not end with a line break. */
  end(): Collected;
}

/** A longer line is told in parts. */
const LINE_MAX = 8192;

export function createCollector(maxBytes: number, onLine?: (line: string) => void): Collector {
  const chunks: Buffer[] = [];
  let size = 0;
  let cutBytes = 0;
  const lines = onLine === undefined ? undefined : createLines(onLine);
  return {
    take: (chunk) => {
      lines?.take(chunk);
      chunks.push(chunk);
      size += chunk.length;
      for (let first = chunks[0]; first !== undefined && size - first.length >= maxBytes; first = chunks[0]) {
        chunks.shift();
        size -= first.length;
        cutBytes += first.length;
      }
    },
    end: () => {
      lines?.end();
      const all = Buffer.concat(chunks);
      const bytes = all.subarray(Math.max(0, all.length - maxBytes));
      return { bytes, cutBytes: cutBytes + all.length - bytes.length };
    },
  };
}

/** UTF-8; where the beginning was cut off within a character, that goes too. */
export function textOf({ bytes, cutBytes }: Collected): string {
  let at = 0;
  if (cutBytes > 0) while (at < 3 && ((bytes[at] ?? 0) & 0xc0) === 0x80) at += 1;
  return bytes.toString('utf8', at);
}

function createLines(onLine: (line: string) => void): { take(chunk: Buffer): void; end(): void } {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  return {
    take: (chunk) => {
      const parts = (rest + decoder.write(chunk)).split(/\r?\n|\r(?=[^\n])/);
      rest = parts.pop() ?? '';
      for (const line of parts) onLine(line);
      for (; rest.length > LINE_MAX; rest = rest.slice(LINE_MAX)) onLine(rest.slice(0, LINE_MAX));
    },
    end: () => {
      rest += decoder.end();
      if (rest !== '') onLine(rest.replace(/\r$/, ''));
      rest = '';
    },
  };
}
