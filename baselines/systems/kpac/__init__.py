"""KPAC: kernel-sharing parallel atrous convolutions."""
