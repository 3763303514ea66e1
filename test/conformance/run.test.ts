import { describe, expect, it } from 'vitest';
import { runProgram } from '../../src/lib/index.ts';

describe('running another program', () => {
  it('gives its exit code and what it wrote, also when it failed', async () => {
    expect(await runProgram('sh', ['-c', 'echo out; echo err >&2; exit 3'])).toEqual({ code: 3, stdout: 'out\n', stderr: 'err\n' });
  });

  it('feeds its input, also to a program that does not read it', async () => {
    expect((await runProgram('cat', [], { input: 'text' })).stdout).toBe('text');
    expect((await runProgram('true', [], { input: 'x'.repeat(1_000_000) })).code).toBe(0);
  });

  it('ends it when its time is over', async () => {
    await expect(runProgram('sleep', ['600'], { timeoutMs: 50 })).rejects.toMatchObject({ name: 'AbortError' });
  });

  it('says which program is not there', async () => {
    await expect(runProgram('rackseed-no-such-program', [])).rejects.toThrow(/rackseed-no-such-program/);
  });
});
