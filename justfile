# Short names for what people do often. What CI runs is in .ci/run and nowhere else.

# List the recipes.
default:
    @just --list

# Everything that must hold before a change lands.
ci:
    .ci/run

# Format the code.
fmt:
    cargo fmt --all

# Clippy, with warnings as errors.
lint:
    .ci/run lint

# All tests, with the README's command.
test:
    .ci/run tests

# File lengths, borders between folders, links.
tidy:
    cargo test -p liao-common --test tidy --locked

# The documentation of the crates, with warnings as errors.
doc:
    .ci/run documentation

# The Python client against a real server.
examples:
    .ci/run programs example_golden_files example_over_tls example_over_plaintext

# Licences, sources and known holes of the dependencies; needs cargo-deny.
deny:
    cargo deny --locked check

# A server in a folder of its own, without TLS, for trying things.
server folder="/tmp/liao-server":
    cargo run -p liao-server --bin liaod -- serve --data {{folder}} --listen 127.0.0.1:8888 --insecure-plaintext
