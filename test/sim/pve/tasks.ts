// Tasks: UPIDs, logs, and locks that somebody waits ten seconds for.

import { ApiError, died } from './errors.ts';
import { type Member, quorumOf, type Task, type World } from './world.ts';

const LOCK_WAIT_MS = 10_000;
const LOCK_POLL_MS = 1000;

export interface Work {
  readonly world: World;
  readonly member: Member;
  readonly print: (line: string) => void;
  /** Time that the real thing takes. */
  readonly takes: (ms: number) => Promise<void>;
}

export interface TaskStart {
  readonly type: string;
  readonly id?: string;
  readonly user: string;
}

/** Begins at once and goes on by itself, as fork_worker does. */
export function startTask(world: World, member: Member, { type, id = '', user }: TaskStart, work: (work: Work) => Promise<void>): Task {
  world.nextPid += 1;
  const pid = world.nextPid;
  const starttime = Math.floor(world.clock.now() / 1000);
  const pstart = pid * 16;
  const hex = (number: number): string => number.toString(16).toUpperCase().padStart(8, '0');
  const upid = `UPID:${member.name}:${hex(pid)}:${hex(pstart)}:${hex(starttime)}:${type}:${id.replaceAll(':', '')}:${user}:`;
  const lines: string[] = [];
  const running = goOn(world, { world, member, print: (line) => lines.push(line), takes: (ms) => world.clock.sleep(ms) }, type, work);
  const ended = running.then((exitstatus) => {
    task.exitstatus = exitstatus;
    lines.push(exitstatus === 'OK' ? 'TASK OK' : `TASK ERROR: ${exitstatus}`);
  });
  const task: Task = { upid, node: member.name, type, id, user, pid, pstart, starttime, lines, exitstatus: null, ended };
  if (!world.faults.lost.delete(type)) member.tasks.set(upid, task);
  return task;
}

async function goOn(world: World, parts: Work, type: string, work: (work: Work) => Promise<void>): Promise<string> {
  try {
    const slow = world.faults.slow.get(type) ?? 0;
    if (slow > 0) await parts.takes(slow);
    await work(parts);
    return 'OK';
  } catch (thrown) {
    if (thrown instanceof ApiError) return thrown.message;
    throw thrown; // a mistake of the stand-in: the test run ends with it
  }
}

/** A lock of the machine, and of the whole cluster where `isOfCluster`: that one needs a quorum. */
export async function withLock<T>(
  world: World,
  member: Member,
  name: string,
  isOfCluster: boolean,
  code: () => Promise<T> | T,
): Promise<T> {
  const locks = isOfCluster ? member.etc.locks : member.locks;
  const failed = (why: string): ApiError =>
    died(
      isOfCluster ? `error during cfs-locked 'file-${name.replaceAll('.', '_')}' operation: ${why}` : `can't lock file '${name}' - ${why}`,
    );
  if (isOfCluster && !quorumOf(world, member).isQuorate) throw failed('no quorum!');
  for (let waited = 0; locks.has(name); waited += LOCK_POLL_MS) {
    if (waited >= LOCK_WAIT_MS) throw failed(isOfCluster ? 'got lock request timeout' : 'got timeout');
    await world.clock.sleep(LOCK_POLL_MS);
  }
  locks.add(name);
  try {
    return await code();
  } finally {
    locks.delete(name);
  }
}

/** What every write to /etc/pve asks first. */
export function assertQuorum(world: World, member: Member): void {
  if (!quorumOf(world, member).isQuorate) throw died('cluster not ready - no quorum?');
}
