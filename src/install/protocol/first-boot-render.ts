// The script that an installed system runs at its first boot, from templates/install/first-boot.sh. Pure. A value goes into it only in the
// form that the shell cannot take for anything else, and what has another form is a mistake of ours.

import Handlebars from 'handlebars';
import { BugError } from '../../lib/index.ts';

export const BOOT_ORDERS = ['network-first', 'disk-first', 'leave'] as const;
export type BootOrder = (typeof BOOT_ORDERS)[number];

export interface FirstBootScript {
  /** Where the report goes: https://10.0.0.2:6385/install/first-boot/… */
  readonly url: string;
  /** SHA-256 of the certificate in hexadecimal, and of its public key in base64; null: plain HTTP. */
  readonly pins: { readonly certificate: string; readonly publicKey: string } | null;
  readonly bootOrder: BootOrder;
}

/** Together at most (10 + 4) × 6 s, and 60 s for what is asked of the firmware three times: a boot waits two minutes at most. */
const TIMES = { tries: '6', pause: '4', limit: '10' } as const;

const FORMS = {
  url: /^https?:\/\/[\w.:[\]-]+\/[\w./-]+$/,
  host: /^(?:[\w.-]+|\[[\da-f:.]+\])$/i,
  port: /^\d{1,5}$/,
  path: /^\/[\w./-]+$/,
  publicKey: /^(?:[A-Za-z0-9+/]{43}=)?$/,
  certificate: /^(?:[0-9a-f]{64})?$/,
  bootOrder: /^(?:network-first|disk-first|leave)$/,
  tries: /^\d$/,
  pause: /^\d$/,
  limit: /^\d\d$/,
} as const;

export type RenderFirstBoot = (script: FirstBootScript) => string;

/** Fails at start, not when a machine asks. */
export function compileFirstBoot(template: string): RenderFirstBoot {
  const render = Handlebars.compile<Record<string, string>>(template, { noEscape: true, strict: true, knownHelpersOnly: true });
  return ({ url, pins, bootOrder }) => {
    const where = new URL(url);
    const values = {
      url,
      host: where.hostname,
      port: where.port === '' ? (where.protocol === 'https:' ? '443' : '80') : where.port,
      path: where.pathname,
      publicKey: pins?.publicKey ?? '',
      certificate: pins?.certificate ?? '',
      bootOrder,
      ...TIMES,
    };
    for (const [key, form] of Object.entries(FORMS))
      if (!form.test(values[key as keyof typeof FORMS])) throw new BugError(`the first-boot script can't hold this ${key}`); // keys of FORMS
    return render(values, { allowProtoPropertiesByDefault: false });
  };
}
