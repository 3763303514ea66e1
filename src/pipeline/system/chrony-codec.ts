// chrony's configuration and what chronyc says (chrony.conf(5), chronyc(1)). Pure.

/** Of chrony 4 in Debian: main file, folder of sources. */
export const MAIN = '/etc/chrony/chrony.conf';
export const OURS = '/etc/chrony/sources.d/rackseed.sources';

export function sourcesText(servers: readonly string[]): string {
  return `# Written by Rackseed.\n${servers.map((one) => `server ${one} iburst\n`).join('')}`;
}

const SOURCE = /^\s*(?:server|pool|peer)\s/i;
const OFF = '#rackseed# ';

/** Sources of the main file are taken out, or put back as they were. */
export function withoutSources(text: string, isOff: boolean): string {
  return text
    .split('\n')
    .map((line) => {
      if (isOff) return SOURCE.test(line) ? `${OFF}${line}` : line;
      return line.startsWith(OFF) ? line.slice(OFF.length) : line;
    })
    .join('\n');
}

export function sourcesOf(text: string): string[] {
  return text
    .split('\n')
    .filter((line) => SOURCE.test(line))
    .map((line) => line.trim().split(/\s+/)[1] ?? '');
}

/** `chronyc -c tracking`: 14 fields, the last is the leap status. */
export function isSynchronised(csv: string): boolean {
  const status = csv.trim().split(',').at(-1);
  return status === 'Normal' || status === 'Insert second' || status === 'Delete second';
}
