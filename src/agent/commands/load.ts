// The commands benchmark, burn_in and health: how fast the machine is, whether it holds out, and what its disks say. Nothing is written.

import { messageOf } from '../../lib/index.ts';
import { listDisks } from '../facts/gather.ts';
import { diskHealth } from '../facts/gather-facts.ts';
import { loadPart, partsIn } from '../load/parts.ts';
import type { CommandContext, CommandHandlers } from './types.ts';

const PROGRESS_MS = 1000;
const FAILURES_MAX = 100;
const TEXT_MAX = 500;

type Load = Pick<Required<CommandHandlers>, 'benchmark' | 'burn_in' | 'health'>;

export function createLoad(): Load {
  return {
    async benchmark({ seconds, parts }, context) {
      const { figures, failures } = await loadAll(context, parts, seconds, false);
      if (failures.length > 0) throw new Error(failures.slice(0, 3).join('; '));
      return { message: wordsOf(figures), result: { figures } };
    },
    async burn_in({ seconds, parts }, context) {
      const { figures, failures } = await loadAll(context, parts, seconds, true);
      const found = failures.slice(0, FAILURES_MAX).map((one) => one.slice(0, TEXT_MAX));
      const message = found.length === 0 ? `it held out: ${wordsOf(figures)}` : `${failures.length} faults, the first: ${found[0] ?? ''}`;
      return { message, result: { figures, failures: found } };
    },
    async health(_args, { run, log }) {
      const disks = await listDisks(run, (what, error) => log(`${what}: ${messageOf(error)}`, 'err'));
      const items = await diskHealth({ run }, disks);
      const failing = items.filter((item) => item.passed === false).map((item) => item.name);
      const message = failing.length === 0 ? `no disk of ${items.length} says that it fails` : `${failing.join(', ')} say that they fail`;
      return { message, result: { items: [...items] } };
    },
  };
}

/** The time is shared evenly; a part that cannot be loaded at all is a failure of it, and the others go on. */
async function loadAll(
  context: CommandContext,
  names: readonly string[],
  seconds: number,
  isBurnIn: boolean,
): Promise<{ readonly figures: Record<string, number>; readonly failures: string[] }> {
  const parts = partsIn(names);
  const share = (seconds * 1000) / parts.length;
  const figures: Record<string, number> = {};
  const failures: string[] = [];
  for (const [at, part] of parts.entries()) {
    const over = tellProgress(context, { part, from: at / parts.length, width: 1 / parts.length, share });
    try {
      const outcome = await loadPart(context, part, share, isBurnIn);
      Object.assign(figures, outcome.figures);
      failures.push(...outcome.failures);
      context.log(`${part}: ${wordsOf(outcome.figures)}${outcome.failures.length === 0 ? '' : `; ${outcome.failures.length} faults`}`);
    } catch (error) {
      context.signal.throwIfAborted();
      failures.push(`${part}: ${messageOf(error)}`);
    } finally {
      over.abort();
    }
  }
  return { figures, failures };
}

interface Stretch {
  readonly part: string;
  readonly from: number;
  readonly width: number;
  readonly share: number;
}

function tellProgress({ clock, progress }: CommandContext, { part, from, width, share }: Stretch): AbortController {
  const over = new AbortController();
  const begun = clock.monotonic();
  const tell = async (): Promise<void> => {
    while (!over.signal.aborted) {
      progress(from + width * Math.min(1, (clock.monotonic() - begun) / share), part);
      await clock.sleep(PROGRESS_MS, over.signal).catch(() => undefined); // it is over
    }
  };
  void tell();
  return over;
}

function wordsOf(figures: Readonly<Record<string, number>>): string {
  return Object.entries(figures)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ');
}
