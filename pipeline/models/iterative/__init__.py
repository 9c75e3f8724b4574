"""Networks that go up and down between LR and HR space several times."""
