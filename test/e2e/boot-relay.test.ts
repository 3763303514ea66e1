// Machines on another segment than the appliance: a DHCP relay carries their packets, and a router their TFTP and HTTP.

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Lab, labDhcp, labServer, labTftp, type MachineSpec } from '../../src/lab/index.ts';
import { runProgram } from '../../src/lib/index.ts';
import { standUp, type TestLab } from './lab.ts';
import { bootToAgent, expectWay, miniPc, reasonsOf } from './machine.ts';

const RELAY = '10.77.0.2';
const FAR_BRIDGE = 'far0';
const FAR_ROUTER = '10.78.0.1';

const farSubnet = `
[[dhcp.subnet]]
subnet = "10.78.0.0/24"
ranges = ["10.78.0.100-10.78.0.200"]
router = "${FAR_ROUTER}"
lease_seconds = 600
`;

interface Relay {
  readonly program: string;
  readonly command: (server: string) => readonly [string, ...string[]];
  readonly spec: MachineSpec;
}

const relays: readonly Relay[] = [
  {
    program: 'dnsmasq',
    spec: miniPc('bios', 7),
    command: (server) => [
      'dnsmasq',
      ...'--no-daemon --conf-file=/dev/null --user=root --port=0 --log-dhcp --pid-file'.split(' '),
      `--dhcp-relay=${FAR_ROUTER},${server}`,
    ],
  },
  {
    program: 'isc-dhcp-relay',
    spec: miniPc('uefi', 8),
    command: (server) => ['dhcrelay', '-4', '-d', '--no-pid', '-id', FAR_BRIDGE, '-iu', 'eth0', server],
  },
];

/** A router between the lab's bridge and a bridge of its own. Gives its namespace. */
async function farSegment(lab: Lab): Promise<string> {
  const namespace = await lab.join('relay', RELAY);
  const steps = [
    `-n ${namespace} link add ${FAR_BRIDGE} type bridge forward_delay 0`,
    `-n ${namespace} addr add ${FAR_ROUTER}/24 dev ${FAR_BRIDGE}`,
    `-n ${namespace} link set ${FAR_BRIDGE} up`,
    `netns exec ${namespace} sysctl -q -w net.ipv4.ip_forward=1`,
    `-n ${lab.network.namespace} route add 10.78.0.0/24 via ${RELAY}`,
  ];
  for (const step of steps) {
    const { code, stderr } = await runProgram('ip', step.split(' '));
    if (code !== 0) throw new Error(`ip ${step}: ${stderr}`);
  }
  return namespace;
}

describe.each(relays)('a machine with $spec.firmware firmware behind $program as relay', ({ program, command, spec }) => {
  let lab: TestLab;
  let namespace: string;

  beforeAll(async () => {
    lab = await standUp(`boot-relay-${program}`, {
      config: (words) => [labServer(words), labDhcp(words), farSubnet, labTftp(words)].join('\n'),
      before: async (stands) => {
        namespace = await farSegment(stands);
        await stands.exec('relay', command(stands.network.address), namespace);
      },
    });
  });
  afterAll(async () => {
    await lab.client.close();
    await lab.end();
  });

  it('has an address of its own segment, and reaches the agent', async () => {
    const node = await bootToAgent(lab, { ...spec, namespace, bridge: FAR_BRIDGE });
    expect(node).toMatchObject({ macs: [spec.mac], smbiosUuid: spec.smbiosUuid, provisionState: 'enroll' });
    const reasons = await reasonsOf(lab, spec.mac);
    expectWay(reasons, ['dhcp offer', 'dhcp ack', 'boot script: agent', 'inspect look-up accepted', 'inspect inventory stored']);
    expect(reasons.find(({ decision }) => decision === 'ack')?.reason).toContain('10.78.0.');
  });
});
