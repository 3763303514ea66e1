import { describe, expect, it } from 'vitest';
import { type CliContext, EXIT, explain, runCli } from '../../../src/cli/index.ts';
import { defineErrors, runProgram, systemClock, systemRandom } from '../../../src/lib/index.ts';

const fail = defineErrors({ 'disk.full': { status: 507, about: 'full' } });

/** Runs one command line in which "serve" does as told; gives the exit code and what was printed. */
async function play(args: readonly string[], serve: CliContext['appliance']['serve'], signal = new AbortController().signal) {
  const out: string[] = [];
  const err: string[] = [];
  const code = await runCli(args, {
    env: {},
    out: (text) => out.push(text),
    err: (text) => err.push(text),
    isTerminal: false,
    isRoot: false,
    home: '/home/me',
    clock: systemClock,
    random: systemRandom,
    run: runProgram,
    signal,
    self: ['node', 'main.ts'],
    version: '1.2.3',
    appliance: { serve, rotateStoreKey: () => Promise.resolve() },
  });
  return { code, out: out.join(''), err: err.join('') };
}

describe('the exit code', () => {
  it('is 0 when all went well', async () => {
    expect(await play(['serve'], () => Promise.resolve())).toEqual({ code: EXIT.ok, out: '', err: '' });
  });

  it('is 1 with what, the next step and the code when something failed', async () => {
    const full = fail('disk.full', { message: 'no space left', hint: 'free some' });
    expect(await play(['serve'], () => Promise.reject(full))).toEqual({
      code: EXIT.failed,
      out: '',
      err: 'rackseed: no space left\n  Next step: free some\n  (disk.full)\n',
    });
  });

  it('is 2 for a slip, said in one shape with all other errors', async () => {
    expect(await play(['serv'], () => Promise.resolve())).toEqual({
      code: EXIT.usage,
      out: '',
      err: "rackseed: unknown command 'serv'\n  Next step: Did you mean serve?\n  (cli.usage)\n",
    });
  });

  it('is 130 after Ctrl-C, without a word about what that broke', async () => {
    const signal = AbortSignal.abort(new Error('SIGINT'));
    expect(await play(['serve'], () => Promise.reject(new Error('fetch failed')), signal)).toEqual({
      code: EXIT.interrupted,
      out: '',
      err: '',
    });
  });
});

describe('an error', () => {
  it.each([['-o', 'json'], ['--output', 'json'], ['-ojson'], ['--output=json']])(
    'is one line of JSON for programs: %s %s',
    async (...words) => {
      const { code, err } = await play([...words, 'serv'], () => Promise.resolve());
      expect(code).toBe(EXIT.usage);
      expect(JSON.parse(err)).toEqual({ code: 'cli.usage', message: "unknown command 'serv'", hint: 'Did you mean serve?' });
    },
  );

  it('of ours without a hint has none', () => {
    expect(explain(fail('disk.full', { message: 'no space left' }), false)).toBe('rackseed: no space left\n  (disk.full)\n');
  });

  it('never moves the cursor for a machine that names itself so', () => {
    const evil = fail('disk.full', { message: 'no \u001b[2Jnode\u0007\nat all', hint: 'look\u009b' });
    expect(explain(evil, false)).toBe('rackseed: no  [2Jnode \nat all\n  Next step: look \n  (disk.full)\n');
  });

  it('that nobody foresaw says that it is a bug, with where', () => {
    expect(explain(new TypeError('x is not a function'), false)).toMatch(/^rackseed: this is a bug: TypeError: x is not a function\n +at /);
    expect(explain(new TypeError('x'), true)).toBe('{"code":"bug","message":"x"}\n');
  });
});
