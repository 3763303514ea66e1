// apt's lists of sources, one-line and deb822 (sources.list(5)): which are in force, and the same text with some of them switched off. Pure.

export interface Source {
  readonly uri: string;
  readonly suite: string;
  readonly components: readonly string[];
}

/** True: it stays in force. */
export type Keep = (source: Source) => boolean;

export type Style = 'deb822' | 'one-line';

export function styleOf(path: string): Style {
  return path.endsWith('.sources') ? 'deb822' : 'one-line';
}

export function readSources(text: string, style: Style): Source[] {
  if (style === 'one-line') return text.split('\n').flatMap((line) => lineOf(line) ?? []);
  return stanzasOf(text).flatMap(sourcesOf);
}

/** A stanza with several suites or components is one: it goes as a whole when any part of it goes. */
export function withoutSources(text: string, style: Style, keep: Keep): string {
  if (style === 'one-line')
    return text
      .split('\n')
      .map((line) => {
        const source = lineOf(line);
        return source === undefined || keep(source) ? line : `# ${line}`;
      })
      .join('\n');
  return stanzasOf(text)
    .map((stanza) => (sourcesOf(stanza).every((source) => keep(source)) ? stanza : switchedOff(stanza)))
    .join('');
}

export interface Written extends Source {
  /** Path of the key; null: the keys that apt trusts anyway. */
  readonly signedBy: string | null;
}

export function writeSources(sources: readonly Written[], style: Style): string {
  const head = '# Written by Rackseed: by hand, put others beside this file.\n';
  const parts = sources.map(({ uri, suite, components, signedBy }) =>
    style === 'one-line'
      ? `deb ${signedBy === null ? '' : `[signed-by=${signedBy}] `}${uri} ${suite} ${components.join(' ')}\n`
      : `\nTypes: deb\nURIs: ${uri}\nSuites: ${suite}\nComponents: ${components.join(' ')}\n${signedBy === null ? '' : `Signed-By: ${signedBy}\n`}`,
  );
  return `${head}${parts.join('')}`;
}

/** deb [option=value …] uri suite component… */
function lineOf(line: string): Source | undefined {
  const found = /^\s*deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+(\S+)\s*([^#]*)/.exec(line);
  if (found === null) return undefined;
  const [, uri = '', suite = '', rest = ''] = found;
  return { uri, suite, components: rest.trim().split(/\s+/) };
}

/** With the empty and comment lines before and after each, so that joined they are the text. */
function stanzasOf(text: string): string[] {
  return text.split(/(?<=\n)(?=[ \t]*\n)/);
}

function fieldsOf(stanza: string): Map<string, string> {
  const fields = new Map<string, string>();
  let key = '';
  for (const line of stanza.split('\n')) {
    if (line.startsWith('#') || line.trim() === '') continue;
    const named = /^([A-Za-z0-9-]+):\s*(.*)$/.exec(line);
    if (named !== null) {
      key = (named[1] ?? '').toLowerCase();
      fields.set(key, named[2] ?? '');
    } else if (key !== '') fields.set(key, `${fields.get(key) ?? ''} ${line.trim()}`);
  }
  return fields;
}

function sourcesOf(stanza: string): Source[] {
  const fields = fieldsOf(stanza);
  const words = (key: string): string[] => (fields.get(key) ?? '').split(/\s+/).filter((word) => word !== '');
  if (!words('types').includes('deb') || OFF.test(fields.get('enabled') ?? 'yes')) return [];
  return words('uris').flatMap((uri) => words('suites').map((suite) => ({ uri, suite, components: words('components') })));
}

/** What apt takes for false (StringToBool). */
const OFF = /^\s*(?:no|false|without|off|disable|0)\s*$/i;

function switchedOff(stanza: string): string {
  const rest = stanza.replaceAll(/^Enabled:.*\n?(?:[ \t]+\S.*\n?)*/gim, '');
  return rest.replace(/^(?=Types:)/im, 'Enabled: no\n');
}
