// Which address of a machine a corosync link gets: the one that it has in the link's network. Pure.

import { parseIpv4, parseIpv6, parsePrefix6, parseSubnet, prefix6Has, subnetHas } from '../../lib/index.ts';

/** By link number; or what is missing. */
export type Links = { readonly links: readonly string[] } | { readonly missing: string; readonly hint: string };

/** `ip -json address show`: those that others can reach it by. Throws SyntaxError. */
export function addressesOf(json: string): readonly string[] {
  const cards: unknown = JSON.parse(json);
  if (!Array.isArray(cards)) return [];
  const found = cards.flatMap(({ addr_info: list }: { readonly addr_info?: unknown }): unknown[] => (Array.isArray(list) ? list : []));
  return found.flatMap((one) => {
    const { local, scope } = Object(one) as { readonly local?: unknown; readonly scope?: unknown }; // whatever it was, it may be asked for these
    return typeof local === 'string' && scope === 'global' ? [local] : [];
  });
}

export function isIn(network: string, address: string): boolean {
  const [v4, v6] = [parseIpv4(address), parseIpv6(address)];
  const [subnet, prefix] = [parseSubnet(network), parsePrefix6(network)];
  return (
    (v4 !== undefined && subnet !== undefined && subnetHas(subnet, v4)) ||
    (v6 !== undefined && prefix !== undefined && prefix6Has(prefix, v6))
  );
}

/** Without networks there is one link, over the address that it is managed by. */
export function linksOf(networks: readonly string[], of: { readonly address: string; readonly addresses: readonly string[] }): Links {
  if (networks.length === 0)
    return of.addresses.includes(of.address) ? { links: [of.address] } : missing(`the address ${of.address} is not configured on it`);
  const links: string[] = [];
  for (const [at, network] of networks.entries()) {
    const inside = of.addresses.filter((address) => isIn(network, address));
    const [only] = inside.includes(of.address) ? [of.address] : inside;
    if (only === undefined) return missing(`link ${at}: it has no address in ${network}`);
    links.push(only);
  }
  return { links };
}

function missing(what: string): Links {
  return { missing: what, hint: 'Configure its network first (a step before this one), or correct links of [[cluster]] in rackseed.toml.' };
}

/** `--link0 10.0.0.11 --link1 …` */
export function linkWords(links: readonly string[]): readonly string[] {
  return links.flatMap((address, at) => [`--link${at}`, address]);
}
