// Debian's ipmi_sim as a BMC on loopback. What it does to its machine is a program that the test gives: "set power 1", "set boot pxe", ….

import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runProgram } from '../../../src/lib/index.ts';

export interface IpmiSim {
  readonly port: number;
  /** Room for the hook's files; gone with the BMC. */
  readonly directory: string;
  /** What the hook was called with, a line each. */
  readonly calls: string;
  close(): Promise<void>;
}

export const IPMI_USER = 'rackseed';

/** A machine of two files: whether it is on, and what it boots from. */
export const PAPER_MACHINE = `
case "$1 $2" in
  "get power") echo "power:$(cat power 2>/dev/null || echo 0)" ;;
  "set power") echo "$3" >power ;;
  "set shutdown") echo 0 >power ;;
  "get boot") echo "boot:$(cat boot 2>/dev/null || echo none)" ;;
  "set boot") echo "$3" >boot ;;
esac
exit 0
`;

export async function startIpmiSim(password: string, hook: string): Promise<IpmiSim> {
  const directory = await mkdtemp(join(tmpdir(), 'rackseed-ipmi-'));
  const port = await freeUdpPort();
  const file = (name: string): string => join(directory, name);
  await mkdir(file('state'));
  const script = `#!/bin/sh\ncd ${directory} || exit 1\necho "$@" >>calls\n${hook}`;
  await writeFile(file('hook'), script, { mode: 0o755 });
  await writeFile(file('lan.conf'), lanConf(port, password, file('hook')));
  await writeFile(file('commands'), COMMANDS);
  const child = spawn('ipmi_sim', ['-c', file('lan.conf'), '-f', file('commands'), '-s', file('state'), '-n'], {
    stdio: ['pipe', 'ignore', 'ignore'], // it ends with its input
  });
  const ended = new Promise<void>((resolve) => {
    child.once('close', () => resolve());
    child.once('error', () => resolve());
  });
  const close = async (): Promise<void> => {
    child.kill('SIGKILL');
    await ended;
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await untilItAnswers(port, password, ended);
  } catch (thrown) {
    await close();
    throw thrown;
  }
  return { port, directory, calls: file('calls'), close };
}

async function untilItAnswers(port: number, password: string, ended: Promise<void>): Promise<void> {
  let isOver = false;
  void ended.then(() => {
    isOver = true;
  });
  const to = ['-I', 'lanplus', '-H', '127.0.0.1', '-p', String(port), '-U', IPMI_USER, '-E', '-C', '3', '-R', '1', '-N', '1'];
  const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', IPMI_PASSWORD: password };
  for (let attempt = 1; attempt <= 20; attempt += 1) {
    if (isOver) throw new Error('ipmi_sim ended: is the package openipmi installed?');
    const { code } = await runProgram('ipmitool', [...to, 'power', 'status'], { env, timeoutMs: 20_000 });
    if (code === 0) return;
  }
  throw new Error('ipmi_sim does not answer');
}

function lanConf(port: number, password: string, hook: string): string {
  const levels = ['callback', 'user', 'operator', 'admin'].map((level) => `  allowed_auths_${level} none md2 md5 straight`);
  return `name "bmc"
set_working_mc 0x20
startlan 1
  addr 127.0.0.1 ${port}
  priv_limit admin
${levels.join('\n')}
  guid a123456789abcdefa123456789abcdef
endlan
chassis_control "${hook}"
user 1 true "" "test" user 10 none md2 md5 straight
user 2 true "${IPMI_USER}" "${password}" admin 10 none md2 md5 straight
`;
}

const COMMANDS = `mc_setbmc 0x20
mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr
sel_enable 0x20 1000 0x0a
mc_enable 0x20
`;

export async function freeUdpPort(): Promise<number> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => {
    socket.bind(0, '127.0.0.1', resolve);
  });
  const { port } = socket.address();
  await new Promise<void>((resolve) => {
    socket.close(() => resolve());
  });
  return port;
}
