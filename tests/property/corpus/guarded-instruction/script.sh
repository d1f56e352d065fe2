set -e
for p in torch==2 "six>=1"; do uv pip install --system $p; done
bash -c "python -m pip install -r r.txt -e '.[dev]' torch>=2,<3" || conda install -y pytorch=2 -c pytorch
make -C lib deps && poetry add --group dev accel@^1
pip install 'accel @ git+https://host.example/x@v1#egg=accel' https://host.example/torch-2.0-py3-none-any.whl
