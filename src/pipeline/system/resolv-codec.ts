// /etc/resolv.conf: its name servers and search domains, with all else left as it is (resolv.conf(5)). Pure.

export interface Resolver {
  readonly servers: readonly string[];
  readonly search: readonly string[];
}

export function readResolver(text: string): Resolver {
  const servers: string[] = [];
  let search: readonly string[] = [];
  for (const line of text.split('\n')) {
    const [key, ...words] = line.trim().split(/\s+/);
    if (key === 'nameserver' && words[0] !== undefined) servers.push(words[0]);
    // The last of domain and search counts.
    if (key === 'search' || key === 'domain') search = words;
  }
  return { servers, search };
}

/** In the order that Proxmox VE writes: search first. Options and comments stay, behind. */
export function withResolver(text: string, { servers, search }: Resolver): string {
  const rest = text.split('\n').filter((line) => line.trim() !== '' && !/^\s*(?:nameserver|search|domain)\b/.test(line));
  const lines = [...(search.length === 0 ? [] : [`search ${search.join(' ')}`]), ...servers.map((one) => `nameserver ${one}`), ...rest];
  return `${lines.join('\n')}\n`;
}

export function isSameResolver(a: Resolver, b: Resolver): boolean {
  return a.servers.join(' ') === b.servers.join(' ') && a.search.join(' ') === b.search.join(' ');
}
