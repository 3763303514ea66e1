import { describe, expect, it } from 'vitest';
import { type Looked, standingOf } from '../../../../src/install/protocol/standing-decide.ts';
import { INSTALL_STAGES } from '../../../../src/install/seam.ts';
import { PLAN } from '../../../support/install.ts';

const STALL = 20 * 60_000;
const ROW: Looked['row'] = {
  stage: 'iso',
  stageAt: 0,
  isoBytes: 0,
  isoTotal: 0,
  boots: 1,
  failure: null,
  plan: PLAN,
};

function look(row: Partial<Looked['row']>, rest: Partial<Omit<Looked, 'row'>> = {}) {
  return standingOf({ row: { ...ROW, ...row }, rate: null, silence: 0, cameBackAt: null, now: 0, stallMs: STALL, ...rest });
}

describe('how an installation stands', () => {
  it('comes forward with each stage', () => {
    const order = INSTALL_STAGES.filter((stage) => stage !== 'failed');
    const fractions = order.map((stage) => look({ stage }).fraction);
    expect(fractions).toEqual(fractions.toSorted((a, b) => a - b));
    expect([fractions[0], fractions.at(-1)]).toEqual([0, 1]);
  });

  it('says of the ISO how much, how fast and how long', () => {
    const row = { isoBytes: 450e6, isoTotal: 1.8e9 };
    expect(look(row, { rate: 45e6 }).text).toBe('it fetches the ISO: 25 % of 1.8 GB, 45 MB/s, 30 s left');
    expect(look(row).text).toBe('it fetches the ISO: 25 % of 1.8 GB');
    expect(look(row).fraction).toBeCloseTo(0.2);
    expect(look({ isoBytes: 1.8e9, isoTotal: 1.8e9 }).text).toContain('waits for its installer to ask');
  });

  it('goes on while the installer writes, and never says that it is done before it is told', () => {
    const at = (now: number) => look({ stage: 'answered' }, { now }).fraction;
    expect(at(60_000)).toBeGreaterThan(at(0));
    expect(at(STALL - 1)).toBeLessThan(look({ stage: 'installed' }).fraction);
    expect(look({ stage: 'answered' }, { now: 125_000 }).text).toBe('its installer writes the system, for 2 min 5 s');
  });

  it('is to be looked at again when it may have come to a halt', () => {
    expect(look({}, { silence: 1000, now: 2000 })).toMatchObject({ stall: null, until: 1000 + STALL });
    expect(look({}, { silence: STALL, now: 1000 + STALL }).until).toBe(1000 + 2 * STALL);
    expect(look({ stage: 'reached' }, { silence: 10 * STALL })).toMatchObject({ stall: null, until: null });
    expect(look({ stage: 'failed', failure: 'so' }, { silence: 10 * STALL })).toMatchObject({ stall: null, until: null, text: 'so' });
  });

  it.each([
    ['armed', {}, /did not restart/, /rackseed node why/],
    ['script', {}, /do not reach it/, /iPXE names the URL/],
    ['kernel', {}, /kernel and not the initrd/, /screen/],
    ['initrd', {}, /not the ISO/, /screen/],
    ['iso', { isoBytes: 5, isoTotal: 10 }, /came to a halt/, /screen/],
    ['iso', { isoBytes: 10, isoTotal: 10 }, /no device with valid ISO found/, /fetch_answer\.log/],
    ['answered', {}, /stopped with an error/, /auto_installer\.log/],
    ['installed', {}, /does not start its own disk/, /10\.0\.0\.11\/24/],
    ['first-boot', {}, /SSH does not answer/, /ssh root@/],
  ] as const)('that comes to a halt in the stage %s says why and what to do', (stage, row, cause, next) => {
    const { stall, text } = look({ stage, ...row }, { silence: STALL });
    expect(stall?.cause).toMatch(cause);
    expect(stall?.next).toMatch(next);
    expect(text).toMatch(cause);
    expect(text).toContain('nothing was heard of it for 20 min');
  });

  it('says when the machine asked for its boot script again, and that this is why it came to a halt', () => {
    const cameBackAt = Date.UTC(2026, 0, 2, 3, 4, 5);
    expect(look({ stage: 'answered' }, { cameBackAt }).text).toBe(
      'its installer writes the system, for 0 s; it asked for its boot script again at 2026-01-02T03:04:05.000Z',
    );
    const { stall, text } = look({ stage: 'answered' }, { cameBackAt, silence: STALL });
    expect(stall?.cause).toBe(
      'its installer failed, or the machine was restarted: it asked for its boot script again at 2026-01-02T03:04:05.000Z',
    );
    expect(stall?.next).toContain('held there with the reason');
    expect(text.match(/asked for its boot script again/g)).toHaveLength(1);
    expect(look({ stage: 'iso', boots: 3 }, { cameBackAt, silence: STALL }).stall?.cause).toContain('booted 3 times and never asked');
  });
});
