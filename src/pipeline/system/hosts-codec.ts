// /etc/hosts: each name of ours on one line with its address, whatever else stands there left as it is (hosts(5)). Pure.

export interface HostLine {
  readonly address: string;
  /** The full name first. */
  readonly names: readonly string[];
}

export function withHosts(text: string, wanted: readonly HostLine[]): { readonly text: string; readonly plan: readonly string[] } {
  const plan: string[] = [];
  const lines = text.replace(/\n+$/, '').split('\n');
  const left: string[] = [];
  const done = new Set<HostLine>();
  for (const line of lines) {
    const is = readLine(line);
    const mine = is && wanted.find((one) => isLine(is, one));
    if (mine !== undefined && !done.has(mine)) {
      done.add(mine);
      left.push(line);
      continue;
    }
    const taken = is?.names.filter((name) => wanted.some((one) => one.names.includes(name) && clashes(is, one))) ?? [];
    if (is === undefined || taken.length === 0) {
      left.push(line);
      continue;
    }
    const others = is.names.filter((name) => !taken.includes(name));
    plan.push(`/etc/hosts: ${taken.join(' ')} is no longer ${is.address}`);
    if (others.length > 0) left.push(`${is.address} ${others.join(' ')}${is.comment}`);
  }
  const added = wanted.filter((one) => !done.has(one));
  for (const { address, names } of added) {
    plan.push(`/etc/hosts: ${names.join(' ')} is ${address}`);
    left.push(`${address} ${names.join(' ')}`);
  }
  return { text: `${left.join('\n')}\n`, plan };
}

/** A name may have an address of each family; the machine's own loopback is none (Debian's 127.0.1.1 line). */
function clashes(is: HostLine, wanted: HostLine): boolean {
  const isIpv6 = ({ address }: HostLine): boolean => address.includes(':');
  return isIpv6(is) === isIpv6(wanted) || is.address === '::1';
}

interface Line extends HostLine {
  /** With its space. */
  readonly comment: string;
}

function readLine(line: string): Line | undefined {
  const hash = line.indexOf('#');
  const [address, ...names] = (hash < 0 ? line : line.slice(0, hash)).trim().split(/\s+/);
  if (address === undefined || address === '' || names.length === 0) return undefined;
  return { address, names, comment: hash < 0 ? '' : ` ${line.slice(hash)}` };
}

/** It may have further names (pvelocalhost), behind ours. */
function isLine({ address, names }: Line, wanted: HostLine): boolean {
  return address === wanted.address && wanted.names.every((name, at) => names[at] === name);
}
