// Which of the host's apt sources are Debian's own archive: pure. The RAM system is built from these alone, whatever else is configured.

import type { DebianPackage } from './types.ts';

export interface AptSource {
  readonly uri: string;
  /** `bookworm`, `bookworm-updates`, `bookworm-security`. */
  readonly suite: string;
  readonly component: string;
}

/** `apt-get indextargets --format` for parseIndexTargets. */
export const INDEX_TARGET_FORMAT = '$(CREATED_BY)|$(REPO_URI)|$(RELEASE)|$(COMPONENT)';

export const FIRMWARE_COMPONENT = 'non-free-firmware';
const COMPONENTS = ['main', 'contrib', FIRMWARE_COMPONENT];

export function parseIndexTargets(output: string, codename: string): readonly AptSource[] {
  const suites = new Set([codename, `${codename}-updates`, `${codename}-security`]);
  const seen = new Map<string, AptSource>();
  for (const line of output.split('\n')) {
    const [kind, uri, suite, component] = line.trim().split('|');
    if (kind !== 'Packages' || uri === undefined || suite === undefined || component === undefined) continue;
    if (!suites.has(suite) || !COMPONENTS.includes(component) || !isDebianArchive(uri)) continue;
    seen.set(`${uri} ${suite} ${component}`, { uri, suite, component });
  }
  return [...seen.values()].sort((a, b) => sourceLine(a, '').localeCompare(sourceLine(b, ''), 'en'));
}

/** The same archives with their firmware component too. */
export function withFirmware(sources: readonly AptSource[]): readonly AptSource[] {
  const firmware = sources.filter(({ component }) => component === 'main').map((source) => ({ ...source, component: FIRMWARE_COMPONENT }));
  return [...withoutFirmware(sources), ...firmware];
}

export function withoutFirmware(sources: readonly AptSource[]): readonly AptSource[] {
  return sources.filter(({ component }) => component !== FIRMWARE_COMPONENT);
}

/** The archive's root is named debian or debian-security on every mirror; other vendors' archives lie elsewhere or below. */
function isDebianArchive(uri: string): boolean {
  return /\/debian(?:-security)?\/?$/.test(uri);
}

/** One line of a sources.list that trusts Debian's archive keys and no others. */
export function sourceLine(source: AptSource, keyring: string): string {
  const trust = keyring === '' ? '' : ` [signed-by=${keyring}]`;
  return `deb${trust} ${source.uri} ${source.suite} ${source.component}`;
}

/** The mirror of the main archive, for another suite of the same one. */
export function mainMirror(sources: readonly AptSource[], codename: string): string | undefined {
  return sources.find((source) => source.suite === codename && source.component === 'main')?.uri;
}

/** `Inst name (version Archive:… [arch])` lines of `apt-get --simulate`: `name=version`, as apt-cache takes it. */
export function parseSimulation(output: string): readonly string[] {
  return output
    .split('\n')
    .map((line) => /^Inst (\S+) \((\S+) /.exec(line))
    .flatMap((match) => (match?.[1] === undefined || match[2] === undefined ? [] : [`${match[1]}=${match[2]}`]));
}

/** Stanzas of `apt-cache show`: the file that apt downloads, and its hash from the signed lists. By name, each once. */
export function parseStanzas(output: string): readonly DebianPackage[] {
  const found = new Map<string, DebianPackage>();
  for (const stanza of output.split(/\n\s*\n/)) {
    const field = (name: string): string | undefined => new RegExp(`^${name}: (.+)$`, 'm').exec(stanza)?.[1];
    const [name, version, architecture, hash] = ['Package', 'Version', 'Architecture', 'SHA256'].map(field);
    if (name === undefined || version === undefined || architecture === undefined || hash === undefined) continue;
    const file = `${name}_${version.replaceAll(':', '%3a')}_${architecture}.deb`;
    found.set(file, { file, hash: `SHA256:${hash}` });
  }
  return [...found.values()].sort((a, b) => (a.file < b.file ? -1 : 1));
}

export interface PackageList {
  readonly required: readonly string[];
  /** Taken where the sources have them. */
  readonly optional: readonly string[];
}

export function parsePackageList(text: string, architecture: string): PackageList {
  const names = text
    .split('\n')
    .map((line) => line.replace(/#.*/, '').trim().replaceAll('@ARCH@', architecture))
    .filter((line) => line !== '');
  return {
    required: names.filter((name) => !name.startsWith('?')),
    optional: names.filter((name) => name.startsWith('?')).map((name) => name.slice(1)),
  };
}
