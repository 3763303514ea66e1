// What an operator should know of this start: settings that are checked and kept, but that this version does not act on yet. Pure.

import type { ServerCertificate, Warning } from './api/index.ts';
import { type Config, formatProblem, type LoadedConfig } from './config/index.ts';

export function startWarnings(loaded: LoadedConfig, certificate: ServerCertificate | null): Warning[] {
  return [
    ...loaded.warnings.map((one) => ({ code: 'config', message: formatProblem(one), hint: null })),
    ...namesWarning(certificate),
    ...notYet(loaded.config),
  ];
}

function namesWarning(certificate: ServerCertificate | null): Warning[] {
  const names = certificate?.missingNames ?? [];
  if (names.length === 0) return [];
  const message = `the certificate, made at the first start, does not hold ${names.join(', ')}: clients that go by these names will complain`;
  return [
    {
      code: 'tls.names',
      message,
      hint: 'Let clients trust server.crt of the data directory. The key is never replaced by itself, since machines pin it.',
    },
  ];
}

function notYet({ webhooks }: Config): Warning[] {
  const sections = [{ name: '[[webhooks.target]]', count: webhooks.target.length }];
  const idle = sections.filter(({ count }) => count > 0).map(({ name }) => name);
  if (idle.length === 0) return [];
  return [
    {
      code: 'config.not_yet',
      message: `${idle.join(', ')}: checked, but this version does not act on it yet`,
      hint: null,
    },
  ];
}
