import { describe, expect, it } from 'vitest';
import { type CommandHandlers, CommandRefused } from '../../../src/agent/commands/types.ts';
import { createRunner, type Report, type Runner, type RunnerMemory, type RunnerParts } from '../../../src/agent/runner.ts';
import { RackseedError } from '../../../src/lib/errors.ts';
import { matching } from '../../support/containing.ts';
import { createFakeClock, type FakeClock } from '../../support/fake-clock.ts';

interface Stage {
  readonly runner: Runner;
  readonly clock: FakeClock;
  readonly said: string[];
  readonly saved: RunnerMemory[];
  /** Reports and is heard, as a beat that gets its reply. */
  readonly beat: () => Promise<Report>;
}

const unused = (): Promise<never> => Promise.reject(new Error('not used here'));

function stage(handlers: CommandHandlers, loaded?: RunnerMemory, resolve: RunnerParts['tools']['resolve'] = unused): Stage {
  const clock = createFakeClock();
  const said: string[] = [];
  const saved: RunnerMemory[] = [];
  const runner = createRunner({
    agentVersion: '1.2.3',
    handlers,
    clock,
    tools: {
      run: unused,
      random: { bytes: (n) => Buffer.alloc(n), uuid: () => '', float: () => 0 },
      open: unused,
      resolve,
      report: unused,
    },
    say: (line) => void said.push(line),
    mark: () => undefined,
    memory: { loaded, save: async (memory) => void saved.push(structuredClone(memory)) },
    signal: new AbortController().signal,
  });
  const beat = async (): Promise<Report> => {
    const report = runner.report();
    await runner.heard(report);
    return report;
  };
  return { runner, clock, said, saved, beat };
}

const rest = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));
const order = (id: string, name: string, args: Record<string, unknown> = {}): Parameters<Runner['accept']>[0] => ({
  id,
  name,
  arguments: args,
});

/** A command that goes on until it is told. */
function held(): { readonly handlers: CommandHandlers; readonly end: () => void; readonly runs: () => number } {
  const gate = Promise.withResolvers<void>();
  let runs = 0;
  return {
    handlers: {
      inventory: async (_args, { log, progress }) => {
        runs += 1;
        log('began');
        progress(0.25, 'a quarter');
        await gate.promise;
        return { message: 'looked', result: {} };
      },
    },
    end: gate.resolve,
    runs: () => runs,
  };
}

describe('a command', () => {
  it('runs while its progress and log are told, then its answer until it was heard', async () => {
    const { handlers, end } = held();
    const { runner, beat } = stage(handlers);
    await runner.accept(order('a', 'inventory'));
    await rest();
    expect(runner.report()).toMatchObject({
      answers: [],
      running: { commandId: 'a', fraction: 0.25, text: 'a quarter', log: [{ stream: 'out', line: 'began' }] },
    });
    await beat();
    expect(runner.report().running?.log).toEqual([]);
    end();
    await rest();
    expect(runner.isRunning).toBe(false);
    const answers = [{ commandId: 'a', outcome: 'done', message: 'looked' }];
    expect(runner.report().answers).toEqual(answers);
    expect((await beat()).answers).toEqual(answers);
    expect(await beat()).toMatchObject({ answers: [], running: null });
    expect(runner.hasNews).toBe(false);
  });

  it('looks for its disks as one that another agent began where it was, and as a new one where not', async () => {
    const asked: boolean[] = [];
    const inventory: CommandHandlers['inventory'] = async (_args, { resolve }) => {
      await resolve([]);
      return { message: 'looked', result: {} };
    };
    const { runner, beat } = stage({ inventory }, undefined, async (_refs, isResumed) => {
      asked.push(isResumed);
      return [];
    });
    for (const more of [{}, { isResumed: true }]) {
      await runner.accept({ ...order(`a${asked.length}`, 'inventory'), ...more });
      await rest();
      await beat();
    }
    expect(asked).toEqual([false, true]);
  });

  it('is carried out once, however often its id comes: while it runs, while its answer is on the way, and later', async () => {
    const { handlers, end, runs } = held();
    const { runner, beat } = stage(handlers);
    await runner.accept(order('a', 'inventory'));
    await runner.accept(order('a', 'inventory'));
    expect(runner.report().answers).toEqual([]);
    end();
    await rest();
    await runner.accept(order('a', 'inventory'));
    expect((await beat()).answers).toMatchObject([{ outcome: 'done' }]);
    await runner.accept(order('a', 'inventory'));
    expect((await beat()).answers).toEqual([
      { commandId: 'a', outcome: 'refused', message: 'command a was given before and is not carried out twice' },
    ]);
    expect(runs()).toBe(1);
  });

  it('is refused while another runs, and that one goes on', async () => {
    const { handlers, end } = held();
    const { runner, beat } = stage(handlers);
    await runner.accept(order('a', 'inventory'));
    await runner.accept(order('b', 'inventory'));
    expect((await beat()).answers).toEqual([{ commandId: 'b', outcome: 'refused', message: 'one command at a time: inventory (a) runs' }]);
    end();
    await rest();
    expect((await beat()).answers).toMatchObject([{ commandId: 'a', outcome: 'done' }]);
  });

  it.each([
    ['a name that nobody knows', order('a', 'dance'), 'agent 1.2.3 knows no command "dance"'],
    ['a name of no command but of an object', order('a', 'constructor'), 'agent 1.2.3 knows no command "constructor"'],
    ['a command that this agent has no hands for', order('a', 'health'), 'agent 1.2.3 knows no command "health"'],
    ['a key too many', order('a', 'inventory', { deep: true }), 'inventory: argument deep is not known to it'],
    ['a key too few', order('a', 'erase_disks', { disks: [], method: 'auto', verify: true }), /^erase_disks: its arguments .*: passes$/],
    ['a wrong value', order('a', 'erase_disks', { disks: [], method: 'burn', verify: true, passes: 1 }), /^erase_disks: argument method /],
    [
      'a disk that is none',
      order('a', 'erase_disks', { disks: [{ serial: 'S3CRET' }], method: 'auto', verify: true, passes: 1 }),
      /^erase_disks: argument disks\.0 /,
    ],
  ])('is refused for %s, with the key and never a value', async (_what, command, message) => {
    const { runner, beat } = stage({ ...held().handlers, erase_disks: unused });
    await runner.accept(command);
    const [answer] = (await beat()).answers;
    expect(answer).toMatchObject({ outcome: 'refused', message: typeof message === 'string' ? message : matching(message) });
    expect(answer?.message).not.toContain('S3CRET');
  });

  it('that refuses by itself, and one that fails, say why and what to do', async () => {
    const hint = 'plug it in';
    const { runner, beat } = stage({
      inventory: () => Promise.reject(new CommandRefused('the disk is mounted')),
      reboot: () => Promise.reject(new RackseedError('agent.x', { status: 500, about: '' }, { message: 'no disk', hint })),
    });
    await runner.accept(order('a', 'inventory'));
    await rest();
    expect((await beat()).answers).toEqual([{ commandId: 'a', outcome: 'refused', message: 'the disk is mounted' }]);
    await runner.accept(order('b', 'reboot'));
    await rest();
    expect((await beat()).answers).toEqual([{ commandId: 'b', outcome: 'failed', message: 'no disk. plug it in' }]);
  });

  it('may log more than fits a beat: every line is told in order, and the answer after the last', async () => {
    const { runner, beat } = stage({
      inventory: async (_args, { log }) => {
        for (let index = 0; index < 450; index += 1) log(`line ${index}\u001b[2J`);
        return { message: 'said', result: {} };
      },
    });
    await runner.accept(order('a', 'inventory'));
    await rest();
    const lines: string[] = [];
    let answers: Report['answers'] = [];
    for (let beats = 0; answers.length === 0 && beats < 10; beats += 1) {
      const report = await beat();
      expect(report.running?.log.length).toBeLessThanOrEqual(200);
      lines.push(...(report.running?.log ?? []).map(({ line }) => line));
      answers = report.answers;
    }
    expect(lines).toEqual(Array.from({ length: 450 }, (_, index) => `line ${index} [2J`));
    expect(answers).toMatchObject([{ commandId: 'a', outcome: 'done' }]);
  });

  it('that floods its log keeps the newest lines and says how many are missing', async () => {
    const { runner } = stage({
      inventory: async (_args, { log }) => {
        for (let index = 0; index < 5000; index += 1) log(`line ${index}`);
        return { message: 'said', result: {} };
      },
    });
    await runner.accept(order('a', 'inventory'));
    await rest();
    expect(
      runner
        .report()
        .running?.log.slice(0, 2)
        .map(({ line }) => line),
    ).toEqual(['… 4000 lines were left out', 'line 4000']);
  });

  it('is said on the screen when it begins, now and then, and when it ends', async () => {
    const { runner, clock, said } = stage({
      inventory: async (_args, context) => {
        for (let index = 1; index <= 60; index += 1) {
          await context.clock.sleep(2000);
          context.progress(index / 60, `step ${index}`);
        }
        return { message: 'looked', result: {} };
      },
    });
    await runner.accept(order('a', 'inventory'));
    await clock.advance(200_000);
    expect(said).toEqual([
      'Order from the appliance: Take the inventory again.',
      'Take the inventory again: 25 %, step 15',
      'Take the inventory again: 50 %, step 30',
      'Take the inventory again: 75 %, step 45',
      'Take the inventory again: 100 %, step 60',
      'Take the inventory again: done after 120 s. looked',
    ]);
  });

  it('whose result is too long to be sent says so instead', async () => {
    const figures = Object.fromEntries(Array.from({ length: 20_000 }, (_, index) => [`figure number ${index}`, index]));
    const { runner, beat } = stage({ benchmark: async () => ({ message: 'measured', result: { figures } }) });
    await runner.accept(order('a', 'benchmark', { seconds: 1, parts: [] }));
    await rest();
    expect((await beat()).answers).toEqual([
      { commandId: 'a', outcome: 'done', message: 'measured (what it found is too long to be sent)' },
    ]);
  });
});

describe('a command that ends the agent', () => {
  function leaving(): { readonly handlers: CommandHandlers; readonly left: () => number } {
    let left = 0;
    const leave = async (): Promise<void> => {
      left += 1;
    };
    return { handlers: { reboot: async () => ({ message: 'it restarts', result: {}, leave }) }, left: () => left };
  }

  it('is answered first and done when the answer was heard, once', async () => {
    const { handlers, left } = leaving();
    const { runner, clock, beat } = stage(handlers);
    await runner.accept(order('a', 'reboot'));
    await rest();
    expect(left()).toBe(0);
    expect((await beat()).answers).toMatchObject([{ outcome: 'done', message: 'it restarts' }]);
    expect(left()).toBe(1);
    await clock.advance(120_000);
    expect(left()).toBe(1);
  });

  it('is done after a minute although nobody hears', async () => {
    const { handlers, left } = leaving();
    const { runner, clock } = stage(handlers);
    await runner.accept(order('a', 'reboot'));
    await clock.advance(59_000);
    expect(left()).toBe(0);
    await clock.advance(2000);
    expect(left()).toBe(1);
  });

  it('and does not, tells the appliance', async () => {
    const leave = (): Promise<void> => Promise.reject(new Error('the machine still runs'));
    const { runner, beat } = stage({ reboot: async () => ({ message: 'it restarts', result: {}, leave }) });
    await runner.accept(order('a', 'reboot'));
    await rest();
    await beat();
    expect((await beat()).notes).toEqual([{ kind: 'agent', line: 'Reboot did not work: the machine still runs' }]);
  });
});

describe('an agent that died', () => {
  it('says of what it was doing that it failed, and does not take that order again', async () => {
    const first = held();
    const before = stage(first.handlers);
    await before.runner.accept(order('a', 'inventory'));
    const { handlers, runs } = held();
    const { runner, beat } = stage(handlers, before.saved.at(-1));
    const message =
      'the agent died while it carried out inventory (Take the inventory again): look at the machine before it is ordered again';
    expect(runner.report().answers).toEqual([{ commandId: 'a', outcome: 'failed', message }]);
    await runner.accept(order('a', 'inventory'));
    expect((await beat()).answers).toHaveLength(1);
    await runner.accept(order('a', 'inventory'));
    expect((await beat()).answers).toMatchObject([{ outcome: 'refused' }]);
    expect(runs()).toBe(0);
  });

  it('had written an order down before it began it', async () => {
    const seen: boolean[] = [];
    const { runner, saved } = stage({
      inventory: async () => {
        seen.push(saved.some(({ running }) => running?.id === 'a'));
        return { message: '', result: {} };
      },
    });
    await runner.accept(order('a', 'inventory'));
    await rest();
    expect(seen).toEqual([true]);
  });

  it('still has the answers that nobody had heard', async () => {
    const before = stage({ inventory: async () => ({ message: 'looked', result: {} }) });
    await before.runner.accept(order('a', 'inventory'));
    await rest();
    const { runner } = stage({}, before.saved.at(-1));
    expect(runner.report().answers).toEqual([{ commandId: 'a', outcome: 'done', message: 'looked' }]);
  });
});
