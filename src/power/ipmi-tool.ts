// Runs Debian's ipmitool for one BMC: its arguments, its password by environment, its cipher suite, and what its complaints mean.

import { type Clock, messageOf, type Run, systemCode } from '../lib/index.ts';
import type { DriverInfo } from '../nodes/index.ts';
import { fail } from './errors.ts';
import { textIn } from './info.ts';
import type { Call, Target } from './seam.ts';

export type IpmiTool = (target: Target, command: readonly string[], call: Call) => Promise<string>;

/** ipmitool asks the BMC for its suites where none is given, which costs 3 s a call (measured); so one is given always: the strong one first. */
const SUITES = ['17', '3'] as const;
/** What BMCs say of a suite that they do not have. */
const NO_SUITE = /invalid (?:authentication|integrity|confidentiality) algorithm|no matching cipher|cipher suite/i;
const NO_SESSION = /unable to establish/i;
/** The BMC has not done what it was told, and may do it in a moment. */
const BUSY = /insufficient resources for session|node busy|out of space|BMC initialization in progress|command not ready/i;
const BUSY_ATTEMPTS = 4;
const BUSY_PAUSE_MS = 500;
/** About 18 s until a BMC that is silent is given up: three messages, each sent three times, 2 s apart. */
const TIMING = ['-R', '2', '-N', '2'] as const;
const MAX_KNOWN = 20_000;
const SAID_MAX = 300;

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly said: string;
}

export function createIpmiTool(run: Run, clock: Clock): IpmiTool {
  /** Which suite a BMC took, or is to be tried next. */
  const suites = new Map<string, string>();

  const remember = (key: string, suite: string): void => {
    suites.delete(key);
    suites.set(key, suite);
    for (const oldest of suites.keys()) {
      if (suites.size <= MAX_KNOWN) break;
      suites.delete(oldest);
    }
  };

  const runOnce = async (info: DriverInfo, suite: string | undefined, command: readonly string[], call: Call): Promise<Ended> => {
    call.signal.throwIfAborted();
    try {
      const { args, env } = ipmiArguments(info, suite);
      const { code, stdout, stderr } = await run('ipmitool', [...args, ...command], { env, signal: call.signal });
      return { code, stdout, said: `${stderr}\n${stdout}`.replaceAll(/\s+/g, ' ').trim() };
    } catch (thrown) {
      call.signal.throwIfAborted();
      if (systemCode(thrown) === 'ENOENT') {
        throw fail('power.no_program', {
          message: 'ipmitool is not installed on the appliance',
          hint: 'Install it: apt install ipmitool.',
        });
      }
      throw fail('power.failed', { message: `ipmitool could not be run: ${messageOf(thrown)}`, hint: 'Look at the log of the appliance.' });
    }
  };

  /** With the suite that the BMC has. */
  const runSuited = async (info: DriverInfo, command: readonly string[], call: Call): Promise<Ended> => {
    const given = textIn(info, 'ipmi_cipher_suite');
    if (given !== undefined || textIn(info, 'ipmi_protocol_version') === '1.5') return runOnce(info, given, command, call);
    const key = bmcOf(info);
    const suite = suites.get(key) ?? SUITES[0];
    const ended = await runOnce(info, suite, command, call);
    if (ended.code === 0) {
      remember(key, suite);
      return ended;
    }
    const other = suite === SUITES[0] ? SUITES[1] : SUITES[0];
    if (NO_SUITE.test(ended.said)) {
      const again = await runOnce(info, other, command, call);
      if (!NO_SUITE.test(again.said)) remember(key, other);
      return again;
    }
    // Some are silent to a suite that they do not have; which looks as if they were off. The next call tries the other.
    if (NO_SESSION.test(ended.said)) remember(key, other);
    return ended;
  };

  return async (target, command, call) => {
    for (let attempt = 1; ; attempt += 1) {
      const ended = await runSuited(target.driverInfo, command, call);
      if (ended.code === 0) return ended.stdout;
      if (!BUSY.test(ended.said) || attempt >= BUSY_ATTEMPTS) throw complaint(target, command, ended);
      await clock.sleep(BUSY_PAUSE_MS * 2 ** (attempt - 1), call.signal);
    }
  };
}

export function bmcOf(info: DriverInfo): string {
  return `${(textIn(info, 'ipmi_address') ?? '').toLowerCase()}:${textIn(info, 'ipmi_port') ?? '623'}`;
}

/** A password never stands where ps shows it: ipmitool reads it from its environment, which only its own user may look into. */
export function ipmiArguments(info: DriverInfo, suite: string | undefined): { args: readonly string[]; env: NodeJS.ProcessEnv } {
  const text = (key: string): string | undefined => textIn(info, `ipmi_${key}`);
  const option = (flag: string, value: string | undefined): readonly string[] => (value === undefined ? [] : [flag, value]);
  const isOld = text('protocol_version') === '1.5';
  const password = text('password');
  const key = text('hex_kg_key');
  const bridging = text('bridging') ?? 'no';
  const args = [
    '-I',
    isOld ? 'lan' : 'lanplus',
    ...option('-H', text('address')),
    ...option('-p', text('port') ?? '623'),
    ...option('-L', text('priv_level') ?? 'ADMINISTRATOR'),
    ...TIMING,
    ...option('-U', text('username')),
    ...(password === undefined ? [] : ['-E']),
    ...option('-C', isOld ? undefined : suite),
    // ipmitool takes a key that is not printable only here; it is of no use without the password.
    ...option('-y', key),
    ...option('-m', bridging === 'no' ? undefined : text('local_address')),
    ...(bridging === 'dual' ? [...option('-B', text('transit_channel')), ...option('-T', text('transit_address'))] : []),
    ...(bridging === 'no' ? [] : [...option('-b', text('target_channel')), ...option('-t', text('target_address'))]),
  ];
  const env = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C', ...(password === undefined ? {} : { IPMI_PASSWORD: password }) };
  return { args, env };
}

function complaint({ driverInfo, name, uuid }: Target, command: readonly string[], { code, said }: Ended): Error {
  const bmc = bmcOf(driverInfo);
  const what = `ipmitool ${command.join(' ')} of node ${name ?? uuid} at ${bmc}`;
  const short = said.slice(0, SAID_MAX) || `it ended with ${code ?? 'a signal'} and said nothing`;
  if (NO_SESSION.test(said)) {
    return fail('power.unreachable', {
      message: `${what}: no session with the BMC (${short})`,
      hint: 'Check ipmi_address, ipmi_username and ipmi_password, that IPMI over LAN is switched on in the BMC, and ipmi_cipher_suite.',
      detail: { bmc },
    });
  }
  return fail('power.refused', {
    message: `${what}: the BMC refused (${short})`,
    hint: 'Check ipmi_priv_level, and whether this BMC can do it at all.',
    detail: { bmc },
  });
}
