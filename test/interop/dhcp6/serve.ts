// The DHCPv6 server as a program of its own, for tests inside network namespaces. Its one argument is a plan in JSON; it prints JSON lines.

import { type Log, messageOf, parseIpv6, parsePrefix6, RackseedError, silentLog, systemClock } from '../../../src/lib/index.ts';
import { createDhcp6Server, ipv6AddressesOf, openDhcp6Sockets, type Subnet6, sourceAddressFor } from '../../../src/net/dhcp6/index.ts';

export interface ServePlan6 {
  readonly mode: 'full' | 'stateless';
  readonly interfaces: readonly string[];
  readonly prefixes: readonly string[];
  readonly leaseSeconds: number;
  /** Gives the DUID and the addresses. */
  readonly identity: string;
}

function say(line: Readonly<Record<string, unknown>>): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

function subnetOf(name: string, validSeconds: number): Subnet6 {
  const prefix = parsePrefix6(name);
  if (prefix === undefined) throw new Error(`${name} is no prefix`);
  return { name, prefix, validSeconds, dnsServers: [parseIpv6('fd00::53') ?? fails()], domainSearch: ['lab.example'] };
}

function fails(): never {
  throw new Error('no address');
}

async function main(): Promise<void> {
  const plan = JSON.parse(process.argv[2] ?? '{}') as ServePlan6; // written by the test
  const log: Log = {
    ...silentLog,
    warn: (fields, text) => say({ warn: text, ...fields }),
    error: (fields, text) => say({ error: text, ...fields }),
  };
  const server = createDhcp6Server({
    mode: plan.mode,
    open: (signal) => openDhcp6Sockets({ interfaces: plan.interfaces, port: 547, clock: systemClock }, signal),
    addressesOf: ipv6AddressesOf,
    sourceFor: sourceAddressFor,
    subnets: plan.prefixes.map((name) => subnetOf(name, plan.leaseSeconds)),
    serverDuid: Buffer.concat([Buffer.of(0, 4), Buffer.from(plan.identity.padEnd(16, '.')).subarray(0, 16)]),
    secret: Buffer.from(plan.identity),
    decideBoot: ({ serverAddress, kind }) => Promise.resolve({ url: `tftp://[${serverAddress}]/${kind}.efi`, reason: 'test' }),
    turnAway: () => Promise.resolve({ silent: 'test' }),
    clock: systemClock,
    log,
    note: (note) => say({ ...note }),
    onOtherServer: (seen) => say({ other: seen.duid }),
  });
  await server.start(AbortSignal.timeout(20_000));
  say({ ready: true, uid: process.getuid?.() });
  process.once('SIGTERM', () => void server.stop());
}

main().catch((thrown: unknown) => {
  say(
    thrown instanceof RackseedError
      ? { failed: thrown.code, message: thrown.message, hint: thrown.hint }
      : { failed: 'bug', message: messageOf(thrown) },
  );
  process.exitCode = 1;
});
