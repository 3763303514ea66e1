// The error codes of who may use the appliance.

import { defineErrors, type ErrorCatalogue } from '../lib/index.ts';

export const ACCESS_ERRORS = {
  'access.htpasswd_broken': {
    status: 500,
    about: 'The file of auth.htpasswd_file cannot be read, or a line of it is not NAME:bcrypt-hash.',
  },
  'access.wrong_credentials': { status: 401, about: 'The name or the password is wrong; which of the two is not told.' },
  'access.too_many_attempts': { status: 429, about: 'Too many wrong passwords for this name or from this address.', retryable: true },
  'access.busy': { status: 503, about: 'More passwords wait to be checked than the appliance checks at once.', retryable: true },
  'access.setup_link_invalid': { status: 403, about: 'The set-up link is wrong, has been used, or has expired.' },
  'access.already_set_up': { status: 409, about: 'There is an administrator already; set-up links are for the first one only.' },
  'access.user_exists': { status: 409, about: 'There is a user of that name already.' },
  'access.user_unknown': { status: 404, about: 'There is no user of that name.' },
  'access.last_admin': { status: 409, about: 'The last administrator who can sign in would be removed, disabled or demoted.' },
  'access.bad_user_name': {
    status: 400,
    about: 'A user name is letters, digits and . _ @ - only, at most 64, beginning with a letter or digit.',
  },
  'access.weak_password': { status: 400, about: 'The password is too short, too long, or the name itself.' },
  'access.token_unknown': { status: 404, about: 'There is no API token of that id, or it is not the caller’s.' },
  'access.bad_token_request': { status: 400, about: 'The API token asked for would expire in the past, or names a scope twice.' },
  'access.more_than_own': { status: 403, about: 'Somebody asked for a token that may do more than they may themselves.' },
  'access.too_many_tokens': { status: 409, about: 'As many API tokens are kept as are allowed.' },
  'access.too_many_users': { status: 409, about: 'As many users are kept as are allowed.' },
} as const satisfies ErrorCatalogue;

export const fail = defineErrors(ACCESS_ERRORS);
