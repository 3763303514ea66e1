// auto-installer-mode.toml: how the installer is to get its answer. Unknown keys are refused.

import { atLeast } from './release.ts';
import { openSection, Refused, required } from './section.ts';
import { parseToml } from './toml-codec.ts';

export interface HttpMode {
  readonly url: string | null;
  readonly fingerprint: string | null;
  readonly token: string | null;
}

const MODES = ['iso', 'http', 'partition'] as const;

/** Throws Refused. Only fetching by HTTP is played. */
export function readModeFile(text: string, release: string): HttpMode {
  const whole = openSection('', parsed(text), (key) => [key]);
  const mode = required(whole.word('mode', MODES), 'mode');
  whole.string('partition_label');
  const http = whole.table('http');
  whole.end();
  if (mode !== 'http') throw new Refused(`mode ${mode} is not played here`);
  const url = http?.string('url') ?? null;
  const fingerprint = http?.string('cert_fingerprint') ?? null;
  const token = atLeast(release, '9.2') ? (http?.string('token') ?? null) : null; // an unknown key before
  http?.end();
  if (url !== null && !/^https?:\/\/[^/]+/.test(url)) throw new Refused(`http.url: ${url} is no URL`);
  return { url, fingerprint, token };
}

function parsed(text: string): ReturnType<typeof parseToml> {
  try {
    return parseToml(text);
  } catch (thrown) {
    throw new Refused(`the mode file is no TOML: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
  }
}
