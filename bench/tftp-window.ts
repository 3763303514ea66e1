// TFTP throughput for a client that asks for a window of 16 blocks (atftp): ours against atftpd, which grants it, and tftpd-hpa and dnsmasq,
// which do not.

import type { Bench } from './harness.ts';
import { openTftpLab, type TftpLab, tftpCases } from './support/tftp-lab.ts';

const CLIENT = 'asks for a window';
let opened: TftpLab | undefined;

function lab(): TftpLab {
  if (opened === undefined) throw new Error('the servers are not running');
  return opened;
}

export const bench: Bench = {
  name: 'tftp-window',
  unit: 'MB/s',
  larger: true,
  rounds: 5,
  note: 'loopback has no distance: a window saves system calls there, not round trips, and the client is the limit of the fast servers. 64 MiB for one client, 16 MiB each for 8, 4 MiB each for 64; blksize 1468, windowsize 16.',
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
