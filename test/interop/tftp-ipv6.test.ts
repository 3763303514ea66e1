import { describe, expect, it } from 'vitest';
import { runProgram } from '../../src/lib/index.ts';
import { noise, serve } from './tftp/harness.ts';

describe('TFTP over IPv6', () => {
  it.each([
    ['::', '[::1]'],
    ['::', '127.0.0.1'],
    ['::1', '[::1]'],
  ])('a server on %s serves a client that asks %s', async (host, target) => {
    const { port, notes } = await serve({ listen: { host, port: 0 } });
    const output = await runProgram('curl', ['--silent', '--fail', '--max-time', '60', `tftp://${target}:${port}/70000`, '--output', '-']);
    expect(output.code).toBe(0);
    expect(output.stdout).toBe(noise(70_000).toString('utf8'));
    await expect.poll(() => notes.length, { timeout: 60_000 }).toBe(1);
    // An IPv4 client is named as such although the socket is one of IPv6: reasons and limits are found by that name.
    expect(notes[0]).toMatchObject({ decision: 'sent', peer: { address: target.replace(/[[\]]/g, '') } });
  });
});
