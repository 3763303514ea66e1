import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { TransferPlan } from '../../../../src/net/tftp/negotiate.ts';
import { type Step, TFTP_TIMING, Transfer } from '../../../../src/net/tftp/transfer.ts';
import { seeded } from '../mutate.ts';

const plan = (more: Partial<TransferPlan> = {}): TransferPlan => ({
  size: 1000,
  blockSize: 100,
  windowSize: 1,
  longestTimeoutMs: null,
  asksSize: false,
  granted: null,
  ...more,
});
const OACK = { granted: new Map([['tsize', '1000']]) };

describe('a TFTP transfer', () => {
  it('sends block after block and ends with a short one', () => {
    const transfer = new Transfer(plan({ size: 250 }));
    expect(transfer.begin(0)).toEqual({ do: 'blocks', first: 1, last: 1 });
    expect([1, 2, 3].map((block) => transfer.onAck(block, block))).toEqual([
      { do: 'blocks', first: 2, last: 2 },
      { do: 'blocks', first: 3, last: 3 },
      { do: 'finish' },
    ]);
  });

  it.each([
    [0, 1],
    [1, 1],
    [99, 1],
    [100, 2],
    [1000, 11],
  ])('of %i bytes in blocks of 100 takes %i blocks', (size, blocks) => {
    expect(new Transfer(plan({ size })).blocks).toBe(blocks);
  });

  it('sends its options first and waits for their ACK', () => {
    const transfer = new Transfer(plan(OACK));
    expect(transfer.begin(0)).toEqual({ do: 'options' });
    expect(transfer.onAck(5, 1)).toEqual({ do: 'wait' });
    expect(transfer.onAck(0, 1)).toEqual({ do: 'blocks', first: 1, last: 1 });
  });

  it('answers no ACK twice in lock-step: the Sorcerer’s Apprentice stays out', () => {
    const transfer = new Transfer(plan());
    transfer.begin(0);
    transfer.onAck(1, 10);
    expect([1, 1, 0, 3, 65_535].map((block) => transfer.onAck(block, 5000))).toEqual(Array.from({ length: 5 }, () => ({ do: 'wait' })));
  });

  it('sends windows, and goes back to the first block that is missing', () => {
    const transfer = new Transfer(plan({ ...OACK, windowSize: 4 }));
    transfer.begin(0);
    expect(transfer.onAck(0, 10)).toEqual({ do: 'blocks', first: 1, last: 4 });
    expect(transfer.onAck(4, 20)).toEqual({ do: 'blocks', first: 5, last: 8 });
    expect(transfer.onAck(6, 30)).toEqual({ do: 'blocks', first: 7, last: 10 });
    expect(transfer.onAck(10, 40)).toEqual({ do: 'blocks', first: 11, last: 11 });
    expect(transfer.onAck(11, 50)).toEqual({ do: 'finish' });
  });

  it('sends a window again, once, when its first block was lost', () => {
    const transfer = new Transfer(plan({ ...OACK, windowSize: 4 }));
    transfer.begin(0);
    transfer.onAck(0, 100);
    transfer.onAck(4, 200);
    expect(transfer.onAck(4, 201)).toEqual({ do: 'wait' });
    expect(transfer.onAck(4, 300)).toEqual({ do: 'blocks', first: 5, last: 8 });
    expect(transfer.onAck(4, 400)).toEqual({ do: 'wait' });
  });

  it('rolls the block number over and goes on', () => {
    const transfer = new Transfer(plan({ size: 200_000, blockSize: 1, windowSize: 64 }));
    let step: Step = transfer.begin(0);
    while (step.do === 'blocks') step = transfer.onAck(step.last % 65_536, 1);
    expect(step).toEqual({ do: 'finish' });
    expect(transfer.acknowledged).toBe(200_001);
  });

  it('gives up early on a client that never answered: a forged request is worth little', () => {
    const transfer = new Transfer(plan());
    transfer.begin(0);
    const steps = Array.from({ length: 4 }, () => transfer.onTimeout(0).do);
    expect(steps).toEqual(['blocks', 'blocks', 'blocks', 'give-up']);
  });

  it('is patient with a client that fell silent, waiting longer each time, up to a limit', () => {
    const transfer = new Transfer(plan());
    transfer.begin(0);
    transfer.onAck(1, 100);
    const waits = Array.from({ length: TFTP_TIMING.maxRepeats }, () => {
      const wait = transfer.timeoutMs;
      expect(transfer.onTimeout(0)).toEqual({ do: 'blocks', first: 2, last: 2 });
      return wait;
    });
    expect(waits).toEqual([300, 600, 1200, 2400, 4800, 8000, 8000, 8000]);
    expect(transfer.onTimeout(0)).toMatchObject({ do: 'give-up' });
  });

  it('counts what it sends more than once', () => {
    const transfer = new Transfer(plan({ ...OACK, windowSize: 4 }));
    transfer.begin(0);
    transfer.onTimeout(1000);
    transfer.onAck(0, 1100);
    expect(transfer.retransmits).toBe(1);
    transfer.onAck(2, 1200);
    expect(transfer.retransmits).toBe(3);
    transfer.onTimeout(5000);
    expect(transfer.retransmits).toBe(7);
  });

  it('measures the time an answer takes, and never waits longer than the client asked for', () => {
    const measured = new Transfer(plan());
    measured.begin(0);
    expect(measured.timeoutMs).toBe(1000);
    for (let block = 1; block < 9; block += 1) measured.onAck(block, block * 2);
    expect(measured.timeoutMs).toBe(TFTP_TIMING.minTimeoutMs);
    const hasty = new Transfer(plan({ longestTimeoutMs: 2000 }));
    hasty.begin(0);
    for (let repeat = 0; repeat < 3; repeat += 1) hasty.onTimeout(0);
    expect(hasty.timeoutMs).toBe(2000);
  });

  it('delivers every block to a receiver behind a wire that loses, doubles and reorders', () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 20 }), fc.integer({ min: 0, max: 5000 }), (seed, windowSize, size) => {
        expect(simulate(seed, plan({ windowSize, size, granted: OACK.granted }))).toBe(Math.floor(size / 100) + 1);
      }),
      { numRuns: 150 },
    );
  });
});

interface Flight {
  readonly at: number;
  readonly to: 'client' | 'server';
  readonly block: number;
}

/** The transfer against a plain RFC 7440 receiver in virtual time, 10 % lost, 10 % doubled. Returns how many blocks arrived in order. */
function simulate(seed: number, transferPlan: TransferPlan): number {
  const random = seeded(seed);
  const transfer = new Transfer(transferPlan, { ...TFTP_TIMING, maxRepeats: 30, maxRepeatsUnanswered: 30 });
  const air: Flight[] = [];
  let now = 0;
  let due = 0;
  let got = 0;
  let inWindow = 0;
  const fly = (to: Flight['to'], block: number): void => {
    for (let copies = random() < 0.1 ? 2 : 1; copies > 0; copies -= 1)
      if (random() >= 0.1) air.push({ at: now + 1 + random() * 3, to, block });
  };
  const obey = (step: Step): boolean => {
    if (step.do === 'options') fly('client', 0);
    if (step.do === 'blocks') for (let block = step.first; block <= step.last; block += 1) fly('client', block);
    if (step.do === 'options' || step.do === 'blocks') due = now + transfer.timeoutMs;
    return step.do === 'finish' || step.do === 'give-up';
  };
  const receive = (block: number): void => {
    if (block === got + 1) {
      got = block;
      inWindow += 1;
      if (inWindow < transferPlan.windowSize && got < transfer.blocks) return;
    }
    inWindow = 0;
    fly('server', got);
  };
  obey(transfer.begin(now));
  for (;;) {
    air.sort((a, b) => a.at - b.at);
    const next = air[0];
    const isFlight = next !== undefined && next.at < due;
    now = isFlight ? next.at : due;
    if (isFlight) air.shift();
    if (isFlight && next.to === 'client') receive(next.block);
    else if (obey(isFlight ? transfer.onAck(next.block, now) : transfer.onTimeout(now))) return got;
  }
}
