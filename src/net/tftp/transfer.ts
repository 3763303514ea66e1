// One transfer as a state machine: ACKs and timeouts in, what to send out. No sockets, no clock, no file: callers pass the time and read
// the blocks. Blocks are counted from 1 without end; only the wire knows 16 bits (roll-over to 0, as every client in use does it).

import type { TransferPlan } from './negotiate.ts';

export type Step =
  | { readonly do: 'options' }
  /** Blocks first to last, both included. */
  | { readonly do: 'blocks'; readonly first: number; readonly last: number }
  | { readonly do: 'wait' }
  | { readonly do: 'finish' }
  | { readonly do: 'give-up'; readonly reason: string };

export interface TransferTiming {
  readonly firstTimeoutMs: number;
  readonly minTimeoutMs: number;
  readonly maxTimeoutMs: number;
  /** Repeats before the first ACK: what a forged request can make us send. */
  readonly maxRepeatsUnanswered: number;
  /** Repeats in a row without progress, once the client has answered. */
  readonly maxRepeats: number;
}

export const TFTP_TIMING: TransferTiming = {
  firstTimeoutMs: 1000,
  minTimeoutMs: 40,
  maxTimeoutMs: 8000,
  maxRepeatsUnanswered: 3,
  maxRepeats: 8,
};

const WRAP = 0x10000;
const GAIN = 1 / 8;
const VARIATION_GAIN = 1 / 4;

export class Transfer {
  readonly #plan: TransferPlan;
  readonly #timing: TransferTiming;
  readonly #lastBlock: number;
  /** −1: the options are not acknowledged yet; 0: nothing is. */
  #acked: number;
  #sent: number;
  #sentAt = 0;
  #retransmits = 0;
  #repeats = 0;
  #answered = false;
  /** Karn: what was sent twice tells nothing about the time it takes. */
  #repeated = false;
  #echoed = false;
  #roundTrip: number | null = null;
  #variation = 0;

  constructor(plan: TransferPlan, timing: TransferTiming = TFTP_TIMING) {
    this.#plan = plan;
    this.#timing = timing;
    // A last block shorter than the others ends the file; a file that fills its blocks gets an empty one.
    this.#lastBlock = Math.floor(plan.size / plan.blockSize) + 1;
    this.#acked = plan.granted === null ? 0 : -1;
    this.#sent = this.#acked;
  }

  get blocks(): number {
    return this.#lastBlock;
  }

  /** Blocks the client has. */
  get acknowledged(): number {
    return Math.max(0, this.#acked);
  }

  /** The client has not answered the granted options yet. */
  get awaitsOptions(): boolean {
    return this.#acked === -1;
  }

  /** Packets sent more than once. */
  get retransmits(): number {
    return this.#retransmits;
  }

  begin(now: number): Step {
    return this.#sendFrom(this.#acked + 1, now);
  }

  /**
   * How long from the last sending until onTimeout is due. The client's own timeout (RFC 2349) is a ceiling, not a law: curl asks for 6 s
   * without being asked, and a wire that answers within a millisecond need not wait that long for each lost block.
   */
  get timeoutMs(): number {
    const { firstTimeoutMs, minTimeoutMs } = this.#timing;
    const maxTimeoutMs = Math.min(this.#timing.maxTimeoutMs, this.#plan.longestTimeoutMs ?? Number.POSITIVE_INFINITY);
    const measured = this.#roundTrip === null ? firstTimeoutMs : this.#roundTrip + 4 * this.#variation;
    return Math.min(maxTimeoutMs, Math.max(minTimeoutMs, measured) * 2 ** this.#repeats);
  }

  onAck(wireBlock: number, now: number): Step {
    const block = this.#blockOf(wireBlock);
    if (block === undefined) return { do: 'wait' };
    this.#answered = true;
    if (block === this.#acked) return this.#onEcho(now);
    if (!this.#repeated) this.#measure(now - this.#sentAt);
    this.#acked = block;
    this.#repeats = 0;
    this.#repeated = block < this.#sent;
    this.#echoed = false;
    if (block >= this.#lastBlock) return { do: 'finish' };
    return this.#sendFrom(block + 1, now);
  }

  onTimeout(now: number): Step {
    const limit = this.#answered ? this.#timing.maxRepeats : this.#timing.maxRepeatsUnanswered;
    if (this.#repeats >= limit) return { do: 'give-up', reason: this.#answered ? 'the client fell silent' : 'the client never answered' };
    this.#repeats += 1;
    this.#repeated = true;
    this.#echoed = false;
    return this.#sendFrom(this.#acked + 1, now);
  }

  /**
   * The block an ACK means: the one in the window, the last acknowledged one again, or nothing. Old ACKs are never answered with DATA:
   * that is what breeds the Sorcerer's Apprentice (RFC 1123 §4.2.3.1).
   */
  #blockOf(wireBlock: number): number | undefined {
    if (this.#acked === -1) return wireBlock === 0 ? 0 : undefined;
    const ahead = (wireBlock - (this.#acked % WRAP) + WRAP) % WRAP;
    return this.#acked + ahead <= this.#sent ? this.#acked + ahead : undefined;
  }

  /**
   * The last ACK once more. With windows it can mean that the window's first block was lost (RFC 7440 §4): sent again once, and only after
   * a round trip's time, since an earlier one can't be about this window. In lock-step it is a duplicate, and time will tell.
   */
  #onEcho(now: number): Step {
    const tooEarly = now - this.#sentAt < (this.#roundTrip ?? this.#timing.firstTimeoutMs) / 2;
    if (this.#plan.windowSize === 1 || this.#echoed || tooEarly) return { do: 'wait' };
    this.#echoed = true;
    this.#repeated = true;
    return this.#sendFrom(this.#acked + 1, now);
  }

  #sendFrom(block: number, now: number): Step {
    this.#sentAt = now;
    if (block === 0) {
      if (this.#sent === 0) this.#retransmits += 1;
      this.#sent = 0;
      return { do: 'options' };
    }
    const last = Math.min(block + this.#plan.windowSize - 1, this.#lastBlock);
    this.#retransmits += Math.max(0, Math.min(last, this.#sent) - block + 1);
    this.#sent = Math.max(this.#sent, last);
    return { do: 'blocks', first: block, last };
  }

  /** RFC 6298 §2, without its one-second floor: a boot loader on a LAN answers within a millisecond. */
  #measure(sample: number): void {
    if (this.#roundTrip === null) {
      this.#roundTrip = sample;
      this.#variation = sample / 2;
      return;
    }
    this.#variation += VARIATION_GAIN * (Math.abs(this.#roundTrip - sample) - this.#variation);
    this.#roundTrip += GAIN * (sample - this.#roundTrip);
  }
}
