import { beforeEach, describe, expect, it } from 'vitest';
import { type Attempts, createAttempts } from '../../../src/boot/attempts.ts';
import { macOfBytes, parseMac } from '../../../src/lib/index.ts';
import { createFakeClock, type FakeClock } from '../../support/fake-clock.ts';

const mac = parseMac('52:54:00:00:00:01') ?? expect.unreachable();
const other = parseMac('52:54:00:00:00:02') ?? expect.unreachable();

let clock: FakeClock;
let attempts: Attempts;
beforeEach(() => {
  clock = createFakeClock();
  attempts = createAttempts(clock);
});
const asks = (transaction: number | null, isRequest = false, who = mac): number =>
  attempts.asked({ mac: who, transaction, isRequest }).unheard;

describe('boot attempts', () => {
  it('count the repeats of one DISCOVER and its REQUEST once', async () => {
    expect(asks(1)).toBe(1);
    for (const seconds of [4, 8, 16, 32]) {
      await clock.advance(seconds * 1000);
      expect(asks(1)).toBe(1);
    }
    expect([asks(1, true), asks(1, true)]).toEqual([1, 1]);
  });

  it('count the question on the boot port as the choice of the DISCOVER before it, though EDK2 gives it a number of its own', () =>
    expect([asks(1), asks(9, true), asks(9, true), asks(2), asks(10, true)]).toEqual([1, 1, 1, 2, 2]));

  it('count every exchange of its own', () => expect([asks(1), asks(1, true), asks(2), asks(2, true), asks(3)]).toEqual([1, 1, 2, 2, 3]));

  it('are told apart by the choice where a ROM always uses the same number', () =>
    expect([asks(7), asks(7, true), asks(7), asks(7, true), asks(7)]).toEqual([1, 1, 2, 2, 3]));

  it('are told apart by a pause where there is no number', async () => {
    expect([asks(null), asks(null)]).toEqual([1, 1]);
    await clock.advance(5000);
    expect(asks(null)).toBe(2);
  });

  it('do not count for another port of the machine', () => expect([asks(1), asks(2, false, other), asks(3)]).toEqual([1, 1, 2]));

  it('are forgotten after a minute, and for the choice of a loader after a quarter of an hour', async () => {
    asks(1);
    await clock.advance(61_000);
    expect(attempts.asked({ mac, transaction: 2, isRequest: false })).toEqual({ unheard: 1, unheardLately: 2, ranShim: false });
    await clock.advance(900_001);
    expect(attempts.asked({ mac, transaction: 3, isRequest: false }).unheardLately).toBe(1);
  });

  it('begin anew once something of ours speaks', () => {
    asks(1);
    asks(2);
    attempts.spoke(mac, 'ipxe');
    expect(asks(3)).toBe(1);
  });

  it('rest for a minute after the fourth, however often the machine asks, and then begin anew', async () => {
    expect([1, 2, 3, 4].map((transaction) => asks(transaction))).toEqual([1, 2, 3, 4]);
    for (let transaction = 5; transaction < 16; transaction += 1) {
      await clock.advance(5000);
      expect(asks(transaction)).toBe(4);
    }
    await clock.advance(5000);
    expect(asks(99)).toBe(1);
  });

  it('remember that the signed chain ran, until iPXE does', () => {
    attempts.spoke(mac, 'grub');
    expect(attempts.asked({ mac, transaction: 1, isRequest: false }).ranShim).toBe(true);
    attempts.spoke(mac, 'ipxe');
    expect(attempts.asked({ mac, transaction: 2, isRequest: false }).ranShim).toBe(false);
  });
});

describe('scripts', () => {
  it('are counted over a minute', async () => {
    expect([attempts.scripted(mac), attempts.scripted(mac)]).toEqual([1, 2]);
    await clock.advance(60_000);
    expect(attempts.scripted(mac)).toBe(1);
  });

  it('are counted anew after a loop, which is news once a minute', async () => {
    attempts.scripted(mac);
    expect([attempts.looped(mac), attempts.looped(mac)]).toEqual([true, false]);
    expect(attempts.scripted(mac)).toBe(1);
    await clock.advance(60_000);
    expect(attempts.looped(mac)).toBe(true);
  });
});

it('what is remembered is bounded, and the machine that was silent longest is forgotten', () => {
  attempts = createAttempts(clock, 100);
  attempts.remember(mac, { manufacturer: 'Dell', product: null, serial: null });
  for (let number = 0; number < 99; number += 1) asks(1, false, macOfBytes(Uint8Array.from([2, 0, 0, 0, 1, number])));
  expect(attempts.names(mac)).toMatchObject({ manufacturer: 'Dell' });
  attempts.scripted(mac);
  for (let number = 0; number < 1000; number += 1) asks(1, false, macOfBytes(Uint8Array.from([2, 0, 0, 1, number >> 8, number & 255])));
  expect(attempts.size).toBe(100);
  expect(attempts.names(mac)).toBeUndefined();
});
