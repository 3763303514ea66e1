// A virtual machine that boots the RAM system straight from its kernel and initrd, without a network boot, against a stand-in appliance on
// loopback; what its console says, with the time.

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { StandIn } from '../../test/e2e/agent-stand-in.ts';

const MAC = '52:54:00:be:00:01';
const SECONDS = 1000;

export interface Boot {
  readonly kernel: string;
  readonly initrd: string;
  readonly memoryMb: number;
  readonly standIn: StandIn;
  readonly limitMs: number;
}

export interface Times {
  /** By the kernel's own clock. */
  readonly init: number;
  readonly agent: number;
  /** The kernel's clock at init, and the seconds since. */
  readonly heartbeat: number;
}

/** Boots it up to its first heartbeat and ends it. */
export async function bootToHeartbeat({ kernel, initrd, memoryMb, standIn, limitMs }: Boot): Promise<Times> {
  const words = `rackseed.url=https://10.0.2.2:${standIn.port} rackseed.fp=${standIn.fingerprint} rackseed.secret=${standIn.secret} rackseed.mac=${MAC}`;
  const args = [
    ['-accel', 'tcg', '-machine', 'q35', '-cpu', 'max', '-smp', '2', '-m', String(memoryMb), '-nodefaults', '-display', 'none'],
    ['-serial', 'stdio', '-no-reboot', '-kernel', kernel, '-initrd', initrd, '-append', `console=ttyS0,115200 quiet ${words}`],
    ['-netdev', 'user,id=n0,ipv6=off', '-device', `virtio-net-pci,netdev=n0,mac=${MAC},romfile=`, '-device', 'virtio-rng-pci'],
  ];
  const machine = spawn('qemu-system-x86_64', args.flat(), { stdio: ['ignore', 'pipe', 'inherit'] });
  const tooLong = AbortSignal.timeout(limitMs);
  tooLong.addEventListener('abort', () => machine.kill('SIGKILL'));
  const uptimes = new Map<string, number>();
  let initAt = 0;
  try {
    for await (const line of createInterface({ input: machine.stdout })) {
      const [, mark = '', uptime] = /RACKSEED-MARK (\w+) uptime=([\d.]+)/.exec(line) ?? [];
      if (uptime === undefined) continue;
      uptimes.set(mark, Number(uptime));
      if (mark === 'init') initAt = performance.now();
      if (mark !== 'heartbeat') continue;
      const init = uptimes.get('init') ?? 0;
      return { init, agent: uptimes.get('agent') ?? 0, heartbeat: init + (performance.now() - initAt) / SECONDS };
    }
    throw new Error(`the machine ended after ${[...uptimes.keys()].join(', ') || 'nothing'}, before its first heartbeat`);
  } finally {
    machine.kill('SIGKILL');
  }
}
