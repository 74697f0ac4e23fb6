"""What electrodes are made of: height maps, crystallites, the spot under the tip."""
