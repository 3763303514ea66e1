// TFTP throughput for a client that asks for no window (curl): a block, an ACK, a block, with ours, atftpd, tftpd-hpa and dnsmasq.

import type { Bench } from './harness.ts';
import { openTftpLab, type TftpLab, tftpCases } from './support/tftp-lab.ts';

const CLIENT = 'asks for no window';
let opened: TftpLab | undefined;

function lab(): TftpLab {
  if (opened === undefined) throw new Error('the servers are not running');
  return opened;
}

export const bench: Bench = {
  name: 'tftp-plain',
  unit: 'MB/s',
  larger: true,
  rounds: 5,
  note: '64 MiB for one client, 16 MiB each for 8, 4 MiB each for 64; blksize 1468. Two processes play ping-pong: how the scheduler places them on the cores moves every figure of one client by half.',
  async setup() {
    opened = await openTftpLab();
  },
  async teardown() {
    await opened?.remove();
  },
  ours: tftpCases(lab, 'ours', CLIENT),
  peers: {
    atftpd: tftpCases(lab, 'atftpd', CLIENT),
    'tftpd-hpa': tftpCases(lab, 'tftpd-hpa', CLIENT),
    dnsmasq: tftpCases(lab, 'dnsmasq', CLIENT),
  },
};
