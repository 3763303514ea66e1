// 500 simulated machines switched on at once, each from its first DISCOVER to its last byte of the RAM system: the whole appliance against
// dnsmasq and nginx. A machine that fails fails the bench.

import type { Bench } from './harness.ts';
import { openStormLab, type StormLab, type StormServers } from './support/storm-lab.ts';

const MACHINES = 500;

let lab: StormLab;

export const bench: Bench = {
  name: 'boot-storm',
  unit: 's',
  larger: false,
  rounds: 3,
  note:
    'each machine: DHCP as UEFI firmware, loader of 230 KiB by TFTP (blksize 1468, windowsize 4 asked for), DHCP as iPXE, scripts, kernel ' +
    'of 8 MiB and 10 MiB of RAM system by HTTP, from its own address; the DHCP packets come through one relay. Machines and servers share ' +
    'the cores: the CPU seconds beside each run tell who had to wait for whom.',
  async setup() {
    lab = await openStormLab();
  },
  teardown: () => lab.remove(),
  ours: { '500 machines': () => boot('ours') },
  peers: { 'dnsmasq + nginx': { '500 machines': () => boot('dnsmasq + nginx') } },
};

async function boot(who: StormServers): Promise<number> {
  const { seconds, failed, failures, repeats, cpuSeconds, serverCpuSeconds, last } = await lab.boot(who, MACHINES);
  const phases = Object.entries(last).map(([name, at]) => `${name} ${at.toFixed(1)}`);
  process.stdout.write(
    `  ${who}: ${seconds.toFixed(1)} s; CPU s: servers ${serverCpuSeconds.toFixed(1)}, machines ${cpuSeconds.toFixed(1)}; ` +
      `DHCP repeats ${repeats}; last machine had: ${phases.join(', ')}\n`,
  );
  if (failed > 0) throw new Error(`${who}: ${failed} of ${MACHINES} machines failed: ${failures.join('; ')}`);
  return seconds;
}
