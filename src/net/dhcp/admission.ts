// Who is heard, and how often: a limit for each machine, and one for all strangers behind a port, so that a flood of made-up machines takes
// no time from those we know. Pure but for its counters; the caller passes the time.

import type { Mac } from '../../lib/index.ts';
import { TokenBuckets } from '../token-buckets.ts';
import type { BootClient } from './client.ts';
import type { DhcpPacket } from './codec.ts';
import type { DhcpLimits } from './limits.ts';
import { getOption } from './options.ts';

/** RFC 3046 §2: the port of the switch or modem that the packet came in by. */
const CIRCUIT_ID = 1;
/** RFC 3046 §2.0: with the device it belongs to. */
const REMOTE_ID = 2;
const MAX_PORTS = 4096;

export type Admission =
  | { readonly isAdmitted: true }
  /** The reason comes once in a series of refusals, not for each packet of a flood. */
  | { readonly isAdmitted: false; readonly reason: string | null };

const ADMITTED: Admission = { isAdmitted: true };

export class AdmissionControl {
  readonly #limits: DhcpLimits;
  readonly #clients: TokenBuckets<Mac>;
  readonly #circuits: TokenBuckets<string>;
  readonly #segments: TokenBuckets<string>;

  constructor(limits: DhcpLimits) {
    this.#limits = limits;
    const { clientBurst, clientPerSecond, maxRememberedClients, circuitBurst, circuitPerSecond, segmentBurst, segmentPerSecond } = limits;
    this.#clients = new TokenBuckets({ burst: clientBurst, perSecond: clientPerSecond, maxKeys: maxRememberedClients });
    this.#circuits = new TokenBuckets({ burst: circuitBurst, perSecond: circuitPerSecond, maxKeys: MAX_PORTS });
    this.#segments = new TokenBuckets({ burst: segmentBurst, perSecond: segmentPerSecond, maxKeys: MAX_PORTS });
  }

  take(packet: DhcpPacket, client: BootClient, isStranger: boolean, now: number): Admission {
    const own = this.#clients.take(client.mac, now);
    const { clientPerSecond, circuitPerSecond, segmentPerSecond } = this.#limits;
    if (own !== 'admitted') return refusal(own, `asks more than ${clientPerSecond} times a second: limited`);
    if (!isStranger) return ADMITTED;
    const segment = client.giaddr ?? client.interfaceName ?? '';
    const circuit = circuitOf(packet);
    if (circuit !== undefined) {
      const taken = this.#circuits.take(`${segment} ${circuit}`, now);
      return taken === 'admitted'
        ? ADMITTED
        : refusal(taken, `more than ${circuitPerSecond} requests a second of unknown machines behind one switch port: limited`);
    }
    const taken = this.#segments.take(segment, now);
    return taken === 'admitted'
      ? ADMITTED
      : refusal(taken, `more than ${segmentPerSecond} requests a second of unknown machines by ${segment}: limited`);
  }
}

function refusal(taken: 'refused' | 'first-refused', reason: string): Admission {
  return { isAdmitted: false, reason: taken === 'first-refused' ? reason : null };
}

function circuitOf(packet: DhcpPacket): string | undefined {
  const relay = getOption(packet.options, 'relayAgent');
  const circuit = relay?.get(CIRCUIT_ID);
  if (circuit === undefined) return undefined;
  return `${hex(relay?.get(REMOTE_ID))}/${hex(circuit)}`;
}

function hex(bytes: Uint8Array | undefined): string {
  return bytes === undefined ? '' : Buffer.from(bytes).toString('hex');
}
