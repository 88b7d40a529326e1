/**
 * nginx and HAProxy as their manuals tune them for this job: one process or thread, connections to the servers
 * kept and bounded, least connections or two random choices, no access log. Text only; must not start anything.
 */

export interface PeerGiven {
  readonly port: number;
  readonly servers: readonly number[];
  /** For the files a running program needs. */
  readonly folder: string;
}

/** Bodies of up to this size are kept in memory. */
const bodyBytesMax = 1_048_576;
const connectionsMax = 16_000;

export function nginxConfiguration({ port, servers, folder }: PeerGiven): string {
  return `
daemon off;
master_process off;
worker_rlimit_nofile 40000;
pid ${folder}/nginx.pid;
error_log stderr crit;
events { worker_connections ${connectionsMax * 2}; }
http {
  access_log off;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  client_max_body_size ${bodyBytesMax};
  client_body_buffer_size 256k;
  keepalive_requests 1000000000;
  keepalive_timeout 60s;
  tcp_nodelay on;
  upstream workers {
    least_conn;
    keepalive 512;
    keepalive_requests 1000000000;
${servers.map((server) => `    server 127.0.0.1:${server};`).join("\n")}
  }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location / {
      proxy_pass http://workers;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_read_timeout 2s;
    }
  }
}
`;
}

/** `isHttp2`: HTTP/2 to the servers. */
export function haproxyConfiguration({ port, servers }: PeerGiven, isHttp2: boolean): string {
  return `
global
  nbthread 1
  maxconn ${connectionsMax}
  no strict-limits
defaults
  mode http
  balance leastconn
  http-reuse always
  retries 3
  option redispatch
  timeout connect 1500ms
  timeout client 60s
  timeout server 10s
  timeout http-keep-alive 60s
frontend users
  bind 127.0.0.1:${port}
  default_backend workers
backend workers
${servers.map((server, index) => `  server w${index} 127.0.0.1:${server} maxconn 128 pool-max-conn 128${isHttp2 ? " proto h2" : ""}`).join("\n")}
`;
}
