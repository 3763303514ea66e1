// What can go wrong with what a deployment is made of, as data.

import { defineErrors, type ErrorCatalogue } from '../lib/index.ts';

export const INSTALL_ERRORS = {
  'install.no_image': {
    status: 404,
    about: 'The machine is not being deployed with an image file of the appliance, or that file is not given to machines.',
  },
  'install.bad_image': { status: 409, about: 'An image file of the appliance can not be read, or changed while it was.' },
  'install.no_drive': { status: 404, about: 'The machine is not being deployed, or has no config drive.' },
  'install.bad_drive': { status: 400, about: 'The config drive of a deployment can not be made of what was given for it.' },
  'install.report_refused': { status: 401, about: 'A report of a first boot came with a token that is not (or no longer) good.' },
  'install.bad_iso': { status: 400, about: 'An ISO image can not be read: it is damaged, cut short, or no ISO 9660 at all.' },
  'install.iso_overlay_failed': {
    status: 409,
    about: 'A file can not be added to an ISO image while it is sent: its directories are not what they should be afterwards.',
  },
  'install.remaster_failed': { status: 409, about: 'xorriso, which adds a file to a copy of an ISO image, is missing or failed.' },
  'install.no_installer': { status: 404, about: 'No installer of the appliance has that name or id, or none can be used.' },
  'install.not_an_installer': { status: 400, about: 'What shall be imported is no installer ISO of a Proxmox product.' },
  'install.installer_unfit': {
    status: 400,
    about: 'An ISO is one of Proxmox, but machines can not be installed with it over the network: too old, or not complete.',
  },
  'install.installer_broken': { status: 409, about: 'The files of an imported installer are no longer what they were, or are not there.' },
  'install.installer_in_use': { status: 409, about: 'An installer is not removed while a machine is being installed with it.' },
  'install.installer_name_taken': { status: 409, about: 'Another installer has that name.' },
  'install.bad_installer_source': {
    status: 400,
    about: 'What is said of the file to import can not be: its place, its name or its checksum.',
  },
  'install.wrong_checksum': { status: 400, about: 'A file that was imported has another SHA-256 than it should have.' },
  'install.no_space': { status: 507, about: 'The disk of the appliance has too little room for what shall be stored.' },
  'install.fetch_failed': { status: 502, about: 'An installer could not be fetched from where it is.', retryable: true },
  'install.no_upload': { status: 404, about: 'There is no upload with that id: it was imported, removed, or left alone for a day.' },
  'install.upload_offset': {
    status: 409,
    about: 'A part of an upload begins somewhere else than the bytes that are there end.',
    retryable: true,
  },
  'install.upload_refused': { status: 409, about: 'An upload can not be begun or gone on with: too many are open, or it is too large.' },
  'install.elsewhere': { status: 409, about: 'A file that shall be imported lies with another appliance, which does not answer.' },
  'install.no_template': { status: 404, about: 'No answer template has that name.' },
  'install.bad_template': { status: 409, about: 'An answer template can not be read, is not sound, or extends itself.' },
  'install.answer_faulty': { status: 409, about: 'The answer of a machine would be refused by the installer, or can not be made.' },
  'install.no_address': {
    status: 409,
    about: 'A machine has no fixed address to be installed with: its cluster has no pool, all of it is given, or what is free answers.',
  },
  'install.no_root_password': { status: 404, about: 'No password of root was made for the machine: nothing was installed on it.' },
  'install.weak_root_password': { status: 409, about: 'The password of root in the configuration is one that the installer refuses.' },
} as const satisfies ErrorCatalogue;

export const fail = defineErrors(INSTALL_ERRORS);
