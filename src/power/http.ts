// http: switches by HTTP requests that driver_info describes: smart plugs, KVM devices.

import type { Clock } from '../lib/index.ts';
import { fail } from './errors.ts';
import { askHttp, isOfTheNetwork } from './http-ask.ts';
import { HTTP_INFO, type HttpRequestKey, httpRefusal, readingIn, renderRequest, requestOf } from './http-render.ts';
import { numberIn } from './info.ts';
import type { Call, Driver, PowerReading, PowerTarget, Target } from './seam.ts';

export interface HttpParts {
  readonly clock: Clock;
  /** Which addresses may be asked; tests have their devices on loopback. */
  readonly mayReach?: (address: string) => boolean;
}

const OFF_SECONDS = 5;

export function httpDriver({ clock, mayReach = isOfTheNetwork }: HttpParts): Driver {
  const ask = async (target: Target, key: HttpRequestKey, call: Call): Promise<string> => {
    call.signal.throwIfAborted();
    const wanted = requestOf(target.driverInfo, key);
    if (wanted === undefined) {
      throw fail('power.bad_info', {
        message: `driver_info of node ${target.name ?? target.uuid} lacks ${key}`,
        hint: 'Describe that request, or do without.',
      });
    }
    const rendered = renderRequest(wanted, target);
    const { status, body } = await askHttp({ ...rendered, signal: call.signal, mayReach });
    if (status >= 200 && status < 300) return body;
    throw fail('power.refused', {
      message: `${rendered.url.protocol}//${rendered.url.host} answered ${key} of node ${target.name ?? target.uuid} with HTTP ${status}${isRedirect(status)}`,
      hint:
        status === 401 || status === 403 ? 'Check http_username, http_password and http_token.' : 'Check the url, the method and the body.',
      detail: { status },
    });
  };
  const state = async (target: Target, call: Call): Promise<PowerReading> => {
    call.signal.throwIfAborted();
    const wanted = requestOf(target.driverInfo, 'http_state');
    if (wanted === undefined) return null;
    const reading = readingIn(await ask(target, 'http_state', call), wanted);
    if (reading !== undefined) return reading;
    throw fail('power.refused', {
      message: `the answer to http_state of node ${target.name ?? target.uuid} is no JSON, or has nothing at ${wanted.pointer ?? ''}`,
      hint: 'Look at what the device answers, and correct driver_info/http_state/pointer.',
    });
  };
  const restart = async (target: Target, call: Call): Promise<void> => {
    if (requestOf(target.driverInfo, 'http_reset') !== undefined) {
      // A reset button does nothing on a machine that is off.
      await ask(target, (await state(target, call)) === 'power off' ? 'http_power_on' : 'http_reset', call);
      return;
    }
    await ask(target, 'http_power_off', call);
    await clock.sleep(numberIn(target.driverInfo, 'http_off_seconds', OFF_SECONDS) * 1000, call.signal);
    await ask(target, 'http_power_on', call);
  };
  const REQUESTS: Partial<Record<PowerTarget, HttpRequestKey>> = {
    'power on': 'http_power_on',
    'power off': 'http_power_off',
    'soft power off': 'http_soft_off',
  };
  return {
    interface: 'power',
    name: 'http',
    title: 'HTTP requests to a smart plug or KVM',
    info: HTTP_INFO,
    needsMacs: true,
    refusal: httpRefusal,
    power: {
      targets: ['power on', 'power off', 'rebooting', 'soft power off'],
      state,
      set: async (target, wanted, call) => {
        const key = REQUESTS[wanted];
        if (key === undefined) await restart(target, call);
        else await ask(target, key, call);
      },
    },
  };
}

function isRedirect(status: number): string {
  return status >= 300 && status < 400 ? ' (redirects are not followed)' : '';
}
