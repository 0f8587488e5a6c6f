#!/bin/sh
# Runs once, when PostgreSQL makes its data folder: the roles with their passwords, and MLflow's database.
set -eu
password() { tr -d '\n' < "/run/secrets/$1"; }
psql -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
    -v owner="$(password database_owner_password)" \
    -v app="$(password database_app_password)" \
    -v sequencer="$(password database_sequencer_password)" \
    -v signer="$(password database_signer_password)" \
    -v privacy="$(password database_privacy_password)" \
    -v mlflow="$(password database_mlflow_password)" <<'SQL'
CREATE ROLE signalbox_owner LOGIN PASSWORD :'owner';
CREATE ROLE signalbox_app LOGIN PASSWORD :'app';
CREATE ROLE signalbox_sequencer LOGIN PASSWORD :'sequencer';
CREATE ROLE signalbox_signer LOGIN PASSWORD :'signer';
CREATE ROLE signalbox_privacy LOGIN PASSWORD :'privacy';
CREATE ROLE signalbox_mlflow LOGIN PASSWORD :'mlflow';
CREATE DATABASE signalbox OWNER signalbox_owner;
CREATE DATABASE mlflow OWNER signalbox_mlflow;
REVOKE ALL ON DATABASE signalbox FROM PUBLIC;
REVOKE ALL ON DATABASE mlflow FROM PUBLIC;
GRANT CONNECT ON DATABASE signalbox TO signalbox_app, signalbox_sequencer, signalbox_signer, signalbox_privacy;
SQL
