# Login shells set PATH anew (/etc/profile); the environment stays first, as in every other shell of the image.
case :$PATH: in
*:/opt/conda/envs/pytorch/bin:*) ;;
*) PATH=/opt/hac/fronts:/opt/conda/envs/pytorch/bin:$PATH ;;
esac
export PATH
export CONDA_PREFIX="${CONDA_PREFIX:-/opt/conda/envs/pytorch}" CONDA_DEFAULT_ENV="${CONDA_DEFAULT_ENV:-pytorch}"
