// A router of an IPv6 network, played by radvd: it advertises the prefix and says "addresses by DHCPv6". It gives none itself.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Lab, type LabConfig, labServer } from '../../src/lab/index.ts';
import { runProgram } from '../../src/lib/index.ts';

export const PREFIX = 'fd00:77::';
const APPLIANCE = `${PREFIX}1`;
const ROUTER = `${PREFIX}fe`;

/** The appliance without any DHCPv4: listeners for both families, DHCPv6 that gives addresses. */
export function ipv6Config(lab: LabConfig): string {
  const server = labServer(lab)
    .replace(/^listen = .*$/m, `listen = "[::]:${lab.apiPort}"`)
    .replace(/^boot_listen = .*$/m, 'boot_listen = "[::]:6386"');
  return `${server}
[tftp]
listen = "[::]:69"

[dhcp6]
mode = "full"
interfaces = ["${lab.network.bridge}"]

[[dhcp6.subnet]]
prefix = "${PREFIX}/64"
`;
}

/** A is set beside M: the agent's RAM system has no DHCPv6 client and takes the address that the kernel makes from the prefix. */
export async function startAdvertiser(lab: Lab): Promise<void> {
  const { namespace: appliance, bridge } = lab.network;
  const router = await lab.join('router6', lab.network.address.replace(/\d+$/, '254'));
  await ip('-n', appliance, 'addr', 'add', `${APPLIANCE}/64`, 'dev', bridge, 'nodad');
  await ip('-n', router, 'addr', 'add', `${ROUTER}/64`, 'dev', 'eth0', 'nodad');
  const file = join(lab.connection.dataDir, '../radvd.conf');
  await writeFile(
    file,
    `interface eth0 {
  AdvSendAdvert on;
  AdvManagedFlag on;
  AdvOtherConfigFlag on;
  MinRtrAdvInterval 3;
  MaxRtrAdvInterval 4;
  prefix ${PREFIX}/64 { AdvOnLink on; AdvAutonomous on; };
};
`,
  );
  await runProgram('ip', ['netns', 'exec', router, 'sysctl', '-qw', 'net.ipv6.conf.all.forwarding=1']);
  const pidFile = join(lab.connection.dataDir, '../radvd.pid');
  await lab.exec('radvd', ['radvd', '--nodaemon', '--logmethod=stderr', `--config=${file}`, `--pidfile=${pidFile}`], router);
}

async function ip(...args: string[]): Promise<void> {
  const { code, stderr } = await runProgram('ip', args);
  if (code !== 0) throw new Error(`ip ${args.join(' ')}: ${stderr}`);
}
