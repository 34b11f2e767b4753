// nginx once more, with the configuration of the stack, in front of other workers than the stack's own: empty
// ones, more or fewer of them, or those of another database.
'use strict';

const { spawn } = require('node:child_process');
const fs = require('node:fs');
const net = require('node:net');
const path = require('node:path');

const crowd = require('../lib/crowd.js');
const { holdTaken, load } = require('./drive.js');
const { files, out, port, setting, workers } = require('./stage.js');

const { env } = process;
const open = new Set();

const freePort = () => new Promise((resolve, reject) => {
  const server = net.createServer();
  server.on('error', reject);
  server.listen(0, '127.0.0.1', () => {
    const { port: free } = server.address();
    server.close(() => resolve(free));
  });
});

// One path that is answered with a file, which is an answer, with the same header fields.
const fixed = (dir, { text, headers }) => {
  fs.writeFileSync(path.join(dir, 'fixed'), text);
  return `\tlocation = /fixed {\n\t\troot ${dir};\n\t\tdefault_type application/json;\n\t\tetag off;\n`
    + '\t\topen_file_cache max=1000;\n'
    + `${[...headers].filter(([name]) => !/^(server|date|connection|content-(type|length|encoding))$/.test(name))
      .map(([name, value]) => `\t\tadd_header ${name} '${value.replaceAll("'", "\\'")}';\n`).join('')}\t}\n`;
};

class Front {
  // pools: whose requests go to these workers. answer: of the stack, to be served as a file too.
  static async open(name, { program, count = workers, pools = ['booking'], answer }) {
    const front = new Front();
    front.port = await freePort();
    front.dir = files(name);
    fs.mkdirSync(path.join(front.dir, 'cache'), { recursive: true });
    const text = fs.readFileSync(files('nginx/nginx.conf'), 'utf8')
      .replaceAll(`127.0.0.1:${port}`, `127.0.0.1:${front.port}`)
      .replace(new RegExp(`/(${pools.join('|')})\\.sock`, 'g'), `/${name}.sock`)
      .replaceAll(files('nginx/'), `${front.dir}/`)
      .replaceAll(files('pids/nginx.pid'), `${front.dir}/nginx.pid`)
      .replace('\tlocation / {', () => `${answer ? fixed(front.dir, answer) : ''}\tlocation / {`);
    fs.writeFileSync(path.join(front.dir, 'nginx.conf'), `daemon off;\n${text}`);
    // Without the owner's address of the database, which would go before that of the program's own role.
    const how = { stdio: 'ignore', env: { PATH: env.PATH, LC_ALL: 'C', TZ: 'UTC' } };
    front.children = [
      spawn('spawn-fcgi', ['-n', '-s', path.join(env.HOLDFAST_RUN, `${name}.sock`), '-M', '0660', '-b',
        setting('backlog'), '--', '/usr/bin/multiwatch', '-f', count, '--', ...program].map(String), how),
      spawn('nginx', ['-e', path.join(front.dir, 'log'), '-p', front.dir, '-c', path.join(front.dir, 'nginx.conf')],
        how),
    ];
    open.add(front);
    return front;
  }

  // Until it answers a request as it should.
  async ready(status, request) {
    for (let tries = 0; tries < 100; tries++) {
      await crowd.sleep(50);
      const got = await load(this.port, { seconds: 0.1 }, request).catch(() => null);
      if (got && Object.keys(got.statuses).join() === String(status)) return this;
    }
    throw new Error(`the workers behind ${this.dir} do not answer`);
  }

  async stop() {
    open.delete(this);
    for (const child of this.children) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const gone = new Promise((resolve) => { child.on('exit', resolve); });
      child.kill('SIGTERM');
      await gone;
    }
  }
}

// Workers that do nothing, for the requests of every pool that is measured.
async function empty(answer, name = 'empty', count = workers) {
  const front = await Front.open(name, {
    program: [path.resolve(out, 'empty')], pools: ['booking', 'catalog', 'queue', 'accounts'], count, answer,
  });
  return front.ready(201, holdTaken(1));
}

const stopAll = async () => {
  for (const front of [...open]) await front.stop();
};

module.exports = { Front, empty, stopAll };
