// Who fetches what and how far it has come: one row per machine and file, for the picture of many machines booting at once. A bounded
// table: at its cap the row that ended longest ago goes. No clock of its own.

export interface Download {
  readonly peer: string;
  readonly file: string;
  /** Bytes handed to the network; up to a few MiB of them can still be on their way. */
  readonly sent: number;
  /** Size of the file, also when only parts of it are asked for. */
  readonly total: number;
  /** UTC milliseconds. */
  readonly startedAt: number;
  readonly updatedAt: number;
  readonly bytesPerSecond: number;
  /** `parts` ends a read of some ranges; `stopped` one that broke off. */
  readonly state: 'sending' | 'done' | 'parts' | 'stopped';
}

export interface Progress {
  add(bytes: number, now: number): void;
  end(isComplete: boolean, now: number): void;
}

export interface Downloads {
  begin(what: { readonly peer: string; readonly file: string; readonly total: number; readonly isWhole: boolean }, now: number): Progress;
  list(now: number): Download[];
}

interface Row {
  readonly peer: string;
  readonly file: string;
  readonly total: number;
  readonly startedAt: number;
  updatedAt: number;
  sent: number;
  open: number;
  ended: 'done' | 'parts' | 'stopped';
}

export interface DownloadLimits {
  readonly maxRows: number;
  /** How long a row stays after its end. */
  readonly keepMs: number;
}

export function createDownloads({ maxRows, keepMs }: DownloadLimits): Downloads {
  /** In the order of their last beginning. */
  const rows = new Map<string, Row>();

  function forget(now: number): void {
    for (const [key, row] of rows) if (row.open === 0 && now - row.updatedAt > keepMs) rows.delete(key);
  }

  function makeRoom(now: number): void {
    if (rows.size < maxRows) return;
    forget(now);
    let oldest: readonly [string, Row] | undefined;
    for (const one of rows) if (one[1].open === 0 && (oldest === undefined || one[1].updatedAt < oldest[1].updatedAt)) oldest = one;
    if (rows.size >= maxRows && oldest !== undefined) rows.delete(oldest[0]);
  }

  return {
    begin({ peer, file, total, isWhole }, now) {
      const key = `${peer} ${file}`;
      const known = rows.get(key);
      // Ranges of one file belong together; a fetch of the whole file is a new one.
      const isContinued = known !== undefined && known.total === total && (known.open > 0 || !isWhole);
      const row: Row = isContinued ? known : { peer, file, total, startedAt: now, updatedAt: now, sent: 0, open: 0, ended: 'parts' };
      rows.delete(key);
      makeRoom(now);
      rows.set(key, row);
      row.open += 1;
      row.updatedAt = now;
      return {
        add(bytes, at) {
          row.sent += bytes;
          row.updatedAt = at;
        },
        end(isComplete, at) {
          row.open -= 1;
          row.updatedAt = at;
          row.ended = isComplete ? (isWhole ? 'done' : 'parts') : 'stopped';
        },
      };
    },
    list(now) {
      forget(now);
      return [...rows.values()].map(({ open, ended, ...row }) => {
        const seconds = Math.max(1, row.updatedAt - row.startedAt) / 1000;
        return { ...row, bytesPerSecond: Math.round(row.sent / seconds), state: open > 0 ? 'sending' : ended };
      });
    },
  };
}
