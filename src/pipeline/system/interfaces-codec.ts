// /etc/network/interfaces as ifupdown2 and Proxmox VE read it (interfaces(5)): stanzas in, stanzas out, whatever else stood there kept. Pure.

export interface Stanza {
  readonly name: string;
  /** inet, inet6 */
  readonly family: string;
  /** loopback, static, manual, dhcp, auto */
  readonly method: string;
  readonly options: readonly (readonly [key: string, value: string])[];
}

export interface Interfaces {
  readonly auto: readonly string[];
  readonly hotplug: readonly string[];
  readonly stanzas: readonly Stanza[];
  /** source and source-directory, as they are. */
  readonly sources: readonly string[];
}

export function readInterfaces(text: string): Interfaces {
  const found = { auto: [] as string[], hotplug: [] as string[], stanzas: [] as Stanza[], sources: [] as string[] };
  let options: [string, string][] | undefined;
  for (const raw of text.replaceAll(/\\\n/g, ' ').split('\n')) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    const [key = '', ...words] = line.split(/\s+/);
    if (key === 'auto' || key === 'allow-auto') found.auto.push(...words);
    else if (key === 'allow-hotplug') found.hotplug.push(...words);
    else if (key === 'source' || key === 'source-directory') found.sources.push(line);
    else if (key === 'iface') {
      options = [];
      const [name = '', family = 'inet', method = 'manual'] = words;
      found.stanzas.push({ name, family, method, options });
      continue;
    } else {
      options?.push([key.replaceAll('_', '-'), words.join(' ')]);
      continue;
    }
    options = undefined;
  }
  return found;
}

export function writeInterfaces({ auto, hotplug, stanzas, sources }: Interfaces): string {
  const blocks = stanzas.map(({ name, family, method, options }, at) => {
    const isFirst = stanzas.findIndex((one) => one.name === name) === at;
    const head = isFirst && auto.includes(name) ? [`auto ${name}`] : isFirst && hotplug.includes(name) ? [`allow-hotplug ${name}`] : [];
    return [...head, `iface ${name} ${family} ${method}`, ...options.map(([key, value]) => `\t${key} ${value}`)].join('\n');
  });
  return ['# Written by Rackseed, by the step network of a pipeline.', ...blocks, ...sources].join('\n\n').concat('\n');
}

/** The same network, however it is written. */
export function isSameNetwork(a: Interfaces, b: Interfaces): boolean {
  return plain(a) === plain(b);
}

function plain({ auto, hotplug, stanzas, sources }: Interfaces): string {
  const lines = stanzas.map(({ name, family, method, options }) =>
    [name, family, method, ...options.map(([key, value]) => `${key} ${value}`).toSorted()].join('\n '),
  );
  return JSON.stringify([
    [...new Set(auto)].toSorted(),
    [...new Set(hotplug)].toSorted(),
    lines.toSorted(),
    [...new Set(sources)].toSorted(),
  ]);
}

export function optionOf({ options }: Stanza, key: string): string | undefined {
  return options.find(([name]) => name === key)?.[1];
}

/** Other interfaces that it is made of. */
export function membersOf(stanza: Stanza): string[] {
  const named = ['bridge-ports', 'bond-slaves', 'ovs-ports', 'vlan-raw-device'].flatMap((key) =>
    (optionOf(stanza, key) ?? '').split(/\s+/),
  );
  const [, parent] = /^(.+)\.\d+$/.exec(stanza.name) ?? [];
  return [...named, ...(parent === undefined ? [] : [parent])].filter((one) => one !== '' && one !== 'none');
}

export interface Link {
  readonly name: string;
  readonly mac: string;
  readonly mtu: number;
  readonly master: string | null;
  /** 10.0.0.11/24 */
  readonly addresses: readonly string[];
  /** A port of the machine itself. */
  readonly isPhysical: boolean;
}

/** `ip -j -d address show` */
export function readLinks(json: string): Link[] {
  const parsed: unknown = JSON.parse(json);
  return (Array.isArray(parsed) ? parsed : []).map((one: unknown) => {
    const link = record(one);
    const addresses = Array.isArray(link.addr_info) ? link.addr_info.map((address: unknown) => record(address)) : [];
    return {
      name: text(link.ifname),
      // A member of a bond shows the bond's; its own is the permanent one.
      mac: text(link.permaddr) || text(link.address),
      mtu: Number(link.mtu ?? 0),
      master: text(link.master) || null,
      addresses: addresses
        .filter(({ scope }) => scope === 'global')
        .map((address) => `${text(address.local)}/${String(Number(address.prefixlen))}`),
      isPhysical: text(link.link_type) === 'ether' && record(link.linkinfo).info_kind === undefined,
    };
  });
}

/** `ip -j route show default`: of IPv4. */
export function readGateway(json: string): string | null {
  const parsed: unknown = JSON.parse(json === '' ? '[]' : json);
  return (
    (Array.isArray(parsed) ? parsed : []).map((route: unknown) => text(record(route).gateway)).find((gateway) => gateway !== '') ?? null
  );
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value)) : {};
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
