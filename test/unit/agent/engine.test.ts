// The conversation while commands run, over a fake appliance and a clock that is turned by hand.

import { describe, expect, it } from 'vitest';
import type { Client, Question } from '../../../src/agent/client.ts';
import type { CommandHandlers } from '../../../src/agent/commands/types.ts';
import { fail } from '../../../src/agent/errors.ts';
import { runSession, type SessionParts } from '../../../src/agent/session.ts';
import { AGENT_PATHS, type Command, type HeartbeatRequest, type InventoryRequest } from '../../../src/inspect/protocol.ts';
import type { Mac } from '../../../src/lib/mac.ts';
import { Secret } from '../../../src/lib/secret.ts';
import { createFakeClock, type FakeClock } from '../../support/fake-clock.ts';

const NODE = { uuid: '6f0ad1f2-6d8f-4a34-a65e-3a8b3f1d0c11', name: null, provisionState: 'cleaning' };

interface Beat extends HeartbeatRequest {
  readonly at: number;
  readonly timeoutMs: number;
}

interface Stage {
  readonly clock: FakeClock;
  readonly beats: Beat[];
  readonly paths: string[];
  readonly commands: Command[];
  /** Every request fails so while it is set. */
  trouble: Error | undefined;
  /** It answers at once, and wants the next beat at once. */
  isHasty: boolean;
  readonly end: () => Promise<void>;
}

/** An appliance that holds an idle agent's beat until there is a command, as long as it may. */
function stage(handlers: CommandHandlers): Stage {
  const clock = createFakeClock();
  const end = new AbortController();
  const beats: Beat[] = [];
  const paths: string[] = [];
  const commands: Command[] = [];
  let tokens = 0;
  const client = {
    post: async ({ path, body, timeoutMs }: Question<never>): Promise<unknown> => {
      paths.push(path);
      if (path === AGENT_PATHS.heartbeat) beats.push({ ...(body as HeartbeatRequest), at: clock.monotonic(), timeoutMs }); // what is sent there
      if (stages.trouble !== undefined && path !== AGENT_PATHS.lookup) throw stages.trouble;
      if (path === AGENT_PATHS.lookup) {
        tokens += 1;
        return { token: `${tokens}`.repeat(32), heartbeatSeconds: 5, node: null };
      }
      if (path === AGENT_PATHS.inventory) return { node: NODE, message: '' };
      if (stages.isHasty) return { waitSeconds: 0, command: null };
      const { holdSeconds = 0 } = body as HeartbeatRequest; // as above
      for (let held = 0; held < holdSeconds && commands.length === 0; held += 1) await clock.sleep(1000, end.signal);
      return { waitSeconds: holdSeconds > 0 ? 0 : 2, command: commands.shift() ?? null };
    },
  } as unknown as Client; // it stands in for every schema's type
  const parts: SessionParts = {
    url: new URL('https://192.0.2.1:6385'),
    secret: new Secret('once'),
    agentVersion: '0.1.0',
    client,
    handlers,
    clock,
    random: { bytes: (length) => Buffer.alloc(length, 7), uuid: () => '', float: () => 1 },
    say: () => undefined,
    mark: () => undefined,
    tools: { run: async () => ({ code: 0, stdout: '', stderr: '' }), resolve: async () => [] },
    open: () => Promise.reject(new Error('nothing is downloaded here')),
    identity: async () => ({ macs: ['52:54:00:12:34:56' as Mac], smbiosUuid: null }), // in the form
    inventory: async () =>
      ({ inventory: { cpu: { count: 2 }, memory: { total: 2 ** 30 }, disks: [], interfaces: [] } }) as unknown as InventoryRequest, // what is shown of it
    uptimeSeconds: () => 1,
    memory: { load: async () => undefined, save: async () => undefined },
  };
  const over = runSession(parts, end.signal).catch((error: unknown) => {
    if (!end.signal.aborted) throw error;
  });
  const stages: Stage = {
    clock,
    beats,
    paths,
    commands,
    trouble: undefined,
    isHasty: false,
    end: async () => {
      end.abort(new Error('over'));
      await clock.advance(0);
      await over;
    },
  };
  return stages;
}

/** Takes that long, and says how far it is every second. */
function work(seconds: number): CommandHandlers {
  return {
    inventory: async (_args, { clock, progress, log }) => {
      for (let second = 1; second <= seconds; second += 1) {
        await clock.sleep(1000);
        log(`second ${second}`);
        progress(second / seconds, `second ${second}`);
      }
      return { message: 'looked', result: {} };
    },
  };
}

const ORDER: Command = { id: 'a', name: 'inventory' };

describe('an agent with nothing to do', () => {
  it('lets the appliance hold its beat, and begins an order as soon as it comes', async () => {
    const { clock, beats, commands, end } = stage(work(3));
    await clock.advance(60_000);
    expect(beats.map(({ at, holdSeconds }) => [at, holdSeconds])).toEqual([
      [0, 25],
      [25_000, 25],
      [50_000, 25],
    ]);
    expect(beats[0]?.timeoutMs).toBeGreaterThan(25_000);
    expect(beats[0]?.timeoutMs).toBeLessThanOrEqual(60_000);
    commands.push(ORDER);
    await clock.advance(3000);
    expect(beats.at(-1)).toMatchObject({ running: { commandId: 'a' } });
    await end();
  });

  it('does not hammer an appliance that answers at once and wants no pause', async () => {
    const scene = stage({});
    scene.isHasty = true;
    await scene.clock.advance(60_000);
    expect(scene.beats.length).toBeGreaterThan(55);
    expect(scene.beats.length).toBeLessThan(65);
    await scene.end();
  });
});

describe('an agent at work', () => {
  it('beats every two seconds with how far it is, and tells the end at once', async () => {
    const { clock, beats, commands, end } = stage(work(5));
    await clock.advance(1000);
    commands.push(ORDER);
    await clock.advance(12_000);
    const told = beats.slice(1).map(({ at, running, answers, holdSeconds }) => [at, running !== null, answers.length, holdSeconds]);
    expect(told.slice(0, 4)).toEqual([
      [4000, true, 0, undefined],
      [6000, true, 0, undefined],
      [7000, true, 1, undefined],
      [7000, false, 0, 25],
    ]);
    expect(beats.flatMap(({ running }) => running?.log.map(({ line }) => line) ?? [])).toEqual(
      Array.from({ length: 5 }, (_, index) => `second ${index + 1}`),
    );
    await end();
  });

  it('works on while the appliance is away, tries every 15 s at most, and tells the end and its log when it is back', async () => {
    const scene = stage(work(60));
    const { clock, beats, commands } = scene;
    commands.push(ORDER);
    await clock.advance(10_000);
    scene.trouble = fail('agent.unreachable', { message: 'no route' });
    await clock.advance(300_000);
    const tries = beats.filter(({ at }) => at > 40_000);
    expect(tries.length).toBeGreaterThanOrEqual(17);
    scene.trouble = undefined;
    const before = beats.length;
    await clock.advance(16_000);
    const after = beats.slice(before);
    expect(after[0]).toMatchObject({ answers: [{ commandId: 'a', outcome: 'done' }], running: { log: expectedLines(after[0]) } });
    expect(after[0]?.running?.log.at(-1)?.line).toBe('second 60');
    expect(after[1]).toMatchObject({ answers: [], running: null });
    await scene.end();
  });

  it('keeps its command and the answer when the appliance forgets it, and takes no inventory in between', async () => {
    const scene = stage(work(10));
    const { clock, paths, beats, commands } = scene;
    commands.push(ORDER);
    await clock.advance(3000);
    paths.length = 0;
    scene.trouble = fail('agent.token_lost', { message: 'no such token' });
    await clock.advance(2500);
    scene.trouble = undefined;
    await clock.advance(3000);
    expect(paths).toContain(AGENT_PATHS.lookup);
    expect(paths).not.toContain(AGENT_PATHS.inventory);
    await clock.advance(10_000);
    expect(beats.flatMap(({ answers }) => answers)).toMatchObject([{ commandId: 'a', outcome: 'done' }]);
    expect(paths).toContain(AGENT_PATHS.inventory);
    await scene.end();
  });
});

function expectedLines(beat: Beat | undefined): { stream: string; line: string }[] {
  return (beat?.running?.log ?? []).map(({ line }) => ({ stream: 'out', line }));
}
