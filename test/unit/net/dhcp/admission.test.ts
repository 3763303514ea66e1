import { describe, expect, it } from 'vitest';
import { AdmissionControl } from '../../../../src/net/dhcp/admission.ts';
import { bootClientOf } from '../../../../src/net/dhcp/client.ts';
import { DHCP_LIMITS } from '../../../../src/net/dhcp/limits.ts';
import { rawOption } from '../../../../src/net/dhcp/options.ts';
import { containing } from '../../../support/containing.ts';
import { ip, mac, message } from './packets.ts';
import { SERVER } from './site.ts';

const circuit = (port: number) => rawOption('relayAgent', new Map([[1, Uint8Array.of(port)]]));

function door(limits: Partial<typeof DHCP_LIMITS> = {}) {
  const control = new AdmissionControl({ ...DHCP_LIMITS, ...limits });
  let made = 0;
  return (
    port: number | null,
    isStranger = true,
    from = mac(`02:00:00:00:${(made >> 8).toString(16).padStart(2, '0')}:${(made++ & 255).toString(16).padStart(2, '0')}`),
  ) => {
    const packet = message('discover', { mac: from, giaddr: ip('10.0.0.2'), options: port === null ? [] : [circuit(port)] });
    const client = bootClientOf(packet, { interfaceName: 'eth0', serverAddress: SERVER });
    if (client === undefined) throw new Error('no MAC');
    return control.take(packet, client, isStranger, 0);
  };
}

describe('a flood of made-up machines', () => {
  it('behind one switch port is limited there, and nowhere else', () => {
    const knock = door({ circuitBurst: 3 });
    for (let packet = 0; packet < 3; packet += 1) expect(knock(1).isAdmitted).toBe(true);
    expect(knock(1)).toMatchObject({ isAdmitted: false, reason: containing('behind one switch port') });
    expect(knock(1)).toEqual({ isAdmitted: false, reason: null });
    expect(knock(2).isAdmitted).toBe(true);
    expect(knock(null).isAdmitted).toBe(true);
  });

  it('does not shut out a machine that is known behind the same port', () => {
    const knock = door({ circuitBurst: 1 });
    knock(1);
    expect(knock(1).isAdmitted).toBe(false);
    expect(knock(1, false).isAdmitted).toBe(true);
  });

  it('is limited for the whole segment where no relay names the port', () => {
    const knock = door({ segmentBurst: 2 });
    knock(null);
    knock(null);
    expect(knock(null)).toMatchObject({ isAdmitted: false, reason: containing('by 10.0.0.2') });
  });
});

it('a known machine too is heard only so often', () => {
  const knock = door({ clientBurst: 2 });
  const one = mac('52:54:00:00:00:01');
  expect([knock(1, false, one), knock(1, false, one), knock(1, false, one)].map(({ isAdmitted }) => isAdmitted)).toEqual([
    true,
    true,
    false,
  ]);
});
