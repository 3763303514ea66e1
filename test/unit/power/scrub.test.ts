import { describe, expect, it } from 'vitest';
import { RackseedError, Secret } from '../../../src/lib/index.ts';
import { scrubbedError, scrubberOf } from '../../../src/power/scrub.ts';

const info = { bmc_user: 'root', bmc_password: new Secret('pä"ss/w'), nested: { list: [new Secret('second-one')] } };

describe('what a BMC says', () => {
  it('leaves without the secrets of the node, in any form in which they travel', () => {
    const scrub = scrubberOf(info);
    const secret = 'pä"ss/w';
    const forms = [
      secret,
      encodeURIComponent(secret),
      JSON.stringify(secret).slice(1, -1),
      Buffer.from(secret).toString('base64'),
      Buffer.from(`root:${secret}`).toString('base64'),
      'second-one',
    ];
    for (const form of forms) expect(scrub(`said ${form} twice: ${form}.`), form).toBe('said *** twice: ***.');
  });

  it('is left as it is where there is nothing to hide, or too little to hide', () => {
    expect(scrubberOf({ a_password: new Secret('at'), user: 'root' })('what root said at noon')).toBe('what root said at noon');
  });

  it('as an error keeps its code, status and hint, and what led to it in words', () => {
    const details = { message: 'second-one', hint: 'not second-one', detail: { args: ['second-one'] }, cause: new Error('was second-one') };
    const error = scrubbedError(new RackseedError('power.failed', { status: 502, about: '', retryable: true }, details), scrubberOf(info));
    expect(error).toMatchObject({ code: 'power.failed', status: 502, retryable: true, message: '***', hint: 'not ***' });
    expect(error.cause).toMatchObject({ message: 'was ***' });
    expect(JSON.stringify(error.detail)).not.toContain('second-one');
  });
});
