// Pools that could be imported (`zpool import`), and what a disk's own label says of its pool (`zdb -l`). Pure.

export interface Importable {
  readonly name: string;
  /** Digits. */
  readonly guid: string;
  readonly state: string;
  readonly status: string | null;
  /** Paths or names of its disks as they are shown. */
  readonly members: readonly string[];
}

export function readImportable(text: string): Importable[] {
  return text
    .split(/^(?= *pool: )/m)
    .filter((part) => /^ *pool: /.test(part))
    .map((part) => {
      const field = (key: string): string | undefined => new RegExp(`^\\s*${key}:\\s+(\\S.*)$`, 'm').exec(part)?.[1]?.trim();
      const [, config = ''] = part.split(/^\s*config:\s*$/m);
      return {
        name: field('pool') ?? '',
        guid: field('id') ?? '',
        state: field('state') ?? 'UNKNOWN',
        status: /^\s*status:\s+((?:.*\n)(?:\t.*\n)*)/m.exec(part)?.[1]?.replaceAll(/\s+/g, ' ').trim() ?? null,
        members: [...config.matchAll(/^\t +(\S+) +[A-Z]+/gm)]
          .map(([, name = '']) => name)
          .filter((name) => !/^(?:mirror|raidz|draid|replacing|spare)/.test(name)),
      };
    });
}

export interface Label {
  readonly pool: string;
  readonly guid: string;
  /** Of the system that had it last. */
  readonly hostname: string | null;
  readonly hostid: string | null;
}

/** The first label that is whole. */
export function readLabel(text: string): Label | undefined {
  const field = (key: string): string | undefined =>
    new RegExp(`^ {4}${key}: (?:'([^']*)'|(\\S+))$`, 'm')
      .exec(text)
      ?.slice(1)
      .find((one) => one !== undefined);
  const [pool, guid] = [field('name'), field('pool_guid')];
  if (pool === undefined || guid === undefined) return undefined;
  return { pool, guid, hostname: field('hostname') ?? null, hostid: field('hostid') ?? null };
}
