// Packages of npm that tests use: pinned in tests/npm, installed below build/npm by the Makefile.
'use strict';

const { createRequire } = require('node:module');
const path = require('node:path');

module.exports = createRequire(path.join(__dirname, '../../build/npm/package.json'));
