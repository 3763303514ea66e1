// Listens for what switches say of themselves on each port. A switch speaks every 30 seconds, so this runs beside everything else, and what
// was heard is in the next inventory. Frames are read by tcpdump, for Node opens no packet sockets; what they say is lldp-codec's business.

import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { FACT_LIMITS, type Neighbour } from '../../inspect/facts.ts';
import { messageOf, type Run } from '../../lib/index.ts';
import { framesOf, neighbourOf } from './lldp-codec.ts';

/** IEEE 802.1AB §9.2.5.7: a station speaks every 30 s unless told otherwise; twice, in case that the link came up late. */
export const LISTEN_MS = 65_000;
const FRAMES = 4;
const FRAME_BYTES = 1600;
const PORTS_AT_ONCE = 32;

export interface Neighbours {
  /** Begins to listen on ports that it does not listen on yet. Returns at once. */
  listen(ports: readonly string[]): void;
  /** Heard so far, and why nothing could be listened to (null: it could). Empties hasNews. */
  take(): { readonly heard: readonly Neighbour[]; readonly problem: string | null };
  /** Somebody was heard since take(). */
  readonly hasNews: boolean;
}

export interface NeighbourParts {
  readonly run: Run;
  /** Where captures may be kept while it listens. */
  readonly directory: string;
  readonly signal: AbortSignal;
  readonly listenMs?: number;
}

export function createNeighbours({ run, directory, signal, listenMs = LISTEN_MS }: NeighbourParts): Neighbours {
  const heard = new Map<string, Neighbour>();
  const listening = new Set<string>();
  let captures = 0;
  let hasNews = false;
  let problem: string | null = null;

  async function listenOn(port: string): Promise<void> {
    captures += 1;
    const file = join(directory, `lldp-${captures}.pcap`);
    // -Z root: there is no other user in the RAM system; -U: what came before the time was over is in the file.
    const args = ['-i', port, '-Z', 'root', '-s', String(FRAME_BYTES), '-c', String(FRAMES), '-U', '-w', file, 'ether', 'proto', '0x88cc'];
    const failure = await run('tcpdump', args, { timeoutMs: listenMs, signal }).then(
      ({ code, stderr }) => (code === 0 || code === null ? null : `tcpdump ended with code ${code}: ${stderr.trim().slice(-120)}`),
      (error: unknown) => messageOf(error),
    );
    const capture = await readFile(file).catch(() => undefined);
    await rm(file, { force: true }).catch(() => undefined); // in memory, and small
    // Most often its time is over, which is no failure: there is no switch that speaks.
    if (capture === undefined) problem = failure ?? `tcpdump ended on ${port} and left no capture`;
    for (const frame of framesOf(capture ?? new Uint8Array())) {
      const found = neighbourOf(port, frame);
      if (found === undefined || heard.size >= FACT_LIMITS.neighbours) continue;
      heard.set(`${port} ${found.chassis_id} ${found.port_id}`, found);
      hasNews = true;
    }
  }

  return {
    listen: (ports) => {
      for (const port of ports) {
        if (listening.has(port) || listening.size >= PORTS_AT_ONCE) continue;
        listening.add(port);
        void listenOn(port).finally(() => listening.delete(port));
      }
    },
    take: () => {
      hasNews = false;
      return { heard: [...heard.values()], problem };
    },
    get hasNews() {
      return hasNews;
    },
  };
}
