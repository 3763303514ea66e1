// The end of a task, as somebody learns it who asks by a connection that may die.

import { describe, expect, it } from 'vitest';
import { fail } from '../../../../src/proxmox/errors.ts';
import { followTask } from '../../../../src/proxmox/pve/task.ts';
import { parseUpid } from '../../../../src/proxmox/pve/upid-codec.ts';
import { createFakeClock } from '../../../support/fake-clock.ts';

const UPID = 'UPID:pve1:000003E9:00003E90:6553F100:zfscreate:tank:root@pam:';
const NAME = 'POST /nodes/{node}/disks/zfs';
const unreachable = () => fail('proxmox.unreachable', { message: 'nobody answers' });

interface Looked {
  readonly lines: string[];
  status: () => unknown;
}

function follow(task: Looked, more: { readonly answer?: unknown; readonly timeoutMs?: number; readonly signal?: AbortSignal } = {}) {
  const clock = createFakeClock();
  const heard: string[] = [];
  const call = (_: string, path: string, params: Readonly<Record<string, unknown>> = {}): Promise<unknown> =>
    Promise.resolve().then(() => {
      if (path.endsWith('/status')) return task.status();
      const { start, limit } = params as { start: number; limit: number }; // what the follower asks with
      const part = task.lines.slice(start, start + limit).map((t, at) => ({ n: start + at + 1, t }));
      return part.length === 0 && start === 0 ? [{ n: 1, t: 'no content' }] : part;
    });
  const { answer = UPID, timeoutMs = 600_000, signal = new AbortController().signal } = more;
  const onLine = (line: string): void => void heard.push(line);
  const running = followTask(answer, { pve: { address: '192.0.2.1', call }, clock, signal, name: NAME, timeoutMs, onLine });
  return { clock, heard, end: () => clock.until(running), running };
}

const ended = (exitstatus: string | undefined) => ({ status: 'stopped', ...(exitstatus === undefined ? {} : { exitstatus }) });

describe('a task that is followed', () => {
  it('has its lines told once each as they come, and all of them when it has ended', async () => {
    const task: Looked = { lines: [], status: () => ({ status: 'running' }) };
    const { heard, clock, end } = follow(task);
    await clock.advance(300);
    expect(heard).toEqual([]);
    task.lines.push('one', 'two');
    await clock.advance(2000);
    expect(heard).toEqual(['one', 'two']);
    const rest = Array.from({ length: 1203 }, (_, at) => `line ${at}`);
    task.lines.push(...rest, 'TASK OK');
    task.status = () => ended('OK');
    await end();
    expect(heard).toEqual(['one', 'two', ...rest, 'TASK OK']);
  });

  it('is well with warnings, and says so', async () => {
    const { heard, end } = follow({ lines: ['careful'], status: () => ended('WARNINGS: 2') });
    await end();
    expect(heard).toEqual(['careful', 'zfscreate ended with WARNINGS: 2']);
  });

  it('fails with what it said last, in its own words', async () => {
    const lines = Array.from({ length: 50 }, (_, at) => `line ${at}`);
    await expect(follow({ lines, status: () => ended("command 'zpool create' failed: exit code 1") }).end()).rejects.toMatchObject({
      code: 'proxmox.task_failed',
      message: expect.stringMatching(
        /^POST \S+zfs failed on pve1: command 'zpool create' failed: exit code 1\nline 30\n(?:line \d+\n){18}line 49$/,
      ) as unknown,
      detail: { upid: UPID, exitstatus: "command 'zpool create' failed: exit code 1" },
    });
  });

  it.each([
    ['was killed', 'unexpected status'],
    ['left a log that ends in the middle', 'unable to read tail (got 0 bytes)'],
    ['left a log without a line', 'unable to extract last line'],
    ['says nothing', undefined],
  ])('is lost when its worker %s', async (_, exitstatus) => {
    await expect(follow({ lines: [], status: () => ended(exitstatus) }).end()).rejects.toMatchObject({ code: 'proxmox.task_lost' });
  });

  it('is lost at once when nobody there knows it, or somebody else answers', async () => {
    for (const code of ['proxmox.bad_parameters', 'proxmox.not_trusted', 'proxmox.refused'] as const) {
      const told = () => {
        throw fail(code, { message: 'no' });
      };
      await expect(follow({ lines: [], status: told }).running).rejects.toMatchObject({ code: 'proxmox.task_lost', cause: { code } });
    }
  });

  it('lives through a minute without an answer, and is lost after it', async () => {
    const task: Looked = { lines: ['begun'], status: () => ({ status: 'running' }) };
    const { clock, end, heard } = follow(task);
    await clock.advance(10_000);
    task.status = () => {
      throw unreachable();
    };
    await clock.advance(50_000);
    task.status = () => ended('OK');
    task.lines.push('done');
    await end();
    expect(heard).toEqual(['begun', 'done']);

    const gone = follow({
      lines: [],
      status: () => {
        throw unreachable();
      },
    });
    const before = gone.clock.monotonic();
    await expect(gone.end()).rejects.toMatchObject({ code: 'proxmox.task_lost', retryable: true });
    expect(gone.clock.monotonic() - before).toBeGreaterThanOrEqual(60_000);
    expect(gone.clock.monotonic() - before).toBeLessThan(65_000);
  });

  it('may take its time and no longer; it goes on there', async () => {
    const { clock, end } = follow({ lines: [], status: () => ({ status: 'running' }) }, { timeoutMs: 90_000 });
    const before = clock.monotonic();
    await expect(end()).rejects.toMatchObject({ code: 'proxmox.task_timeout', detail: { upid: UPID } });
    expect(clock.monotonic() - before).toBeGreaterThanOrEqual(90_000);
  });

  it('is not waited for after an abort, which is told as it was meant', async () => {
    const stop = new AbortController();
    const { clock, running } = follow({ lines: [], status: () => ({ status: 'running' }) }, { signal: stop.signal });
    await clock.advance(1000);
    stop.abort(new Error('not wanted any more'));
    await expect(running).rejects.toThrow('not wanted any more');
  });

  it.each([null, 'OK', 'UPID:pve1:x', { upid: UPID }])('has a name: %j is none', async (answer) => {
    await expect(follow({ lines: [], status: () => ended('OK') }, { answer }).running).rejects.toMatchObject({ code: 'proxmox.task_lost' });
  });
});

describe('the name of a task', () => {
  it('says where it runs and what it is', () => {
    expect(parseUpid(UPID)).toEqual({ text: UPID, node: 'pve1', type: 'zfscreate' });
    expect(parseUpid('UPID:pve1:000003E9:0000003E90:6553F100:clusterjoin::root@pam:')).toBeUndefined();
    expect(parseUpid('UPID:pve1:000003E9:00003E901:6553F100:clusterjoin::rackseed@pve!appliance:')).toMatchObject({ type: 'clusterjoin' });
  });
});
